use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evanesce_core::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{CROWDED, LATE, LOST};
use crate::reply::{Parser, Reply};
use crate::request::{Encode, Out, Request};

/// One connection that any number of tasks share.
///
/// Commands are written straight into the buffer that goes to the socket, and answers
/// are read in the order of the commands. A command that finds the connection idle is
/// sent by its own task, without waking another; under load one write carries many.
/// A call may be dropped at any await: what was sent stays sent, and its answer is read
/// and thrown away.
pub(crate) struct Wire(Arc<Shared>);

struct Shared {
    ended: AtomicBool,
    io: Mutex<Io>,
}

impl Wire {
    /// Takes over a stream; a task of the current runtime serves it from now on, and
    /// ends with the stream or the last use of the wire.
    pub(crate) fn new(stream: impl Stream) -> Self {
        let io = Mutex::new(Io::new(Box::new(stream)));
        let shared = Arc::new(Shared { ended: AtomicBool::new(false), io });
        tokio::spawn(serve(Arc::clone(&shared)));
        Self(shared)
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Ends it; what waits for an answer gets none.
    pub(crate) fn end(&self) {
        self.0.end();
    }

    /// What ends it from elsewhere, without keeping it.
    pub(crate) fn ender(&self) -> Ender {
        Ender(Arc::downgrade(&self.0))
    }

    /// Sends the request and waits for its answers, `within` at most: one is given as it
    /// is, several as an array.
    pub(crate) async fn call(
        &self,
        request: &Request<impl Encode>,
        ask: Ask,
        within: Duration,
    ) -> Result<Reply, Error> {
        let (sender, receiver) = oneshot::channel();
        let heard = self.send(request, ask, sender)?;
        match timeout(within, receiver).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_ended)) => Err(request.effect.unanswered(LOST)),
            Err(_elapsed) => {
                // A peer that said nothing all that time may be gone without a word.
                if self.0.io().heard == heard {
                    self.end();
                }
                Err(request.effect.unanswered(LATE))
            }
        }
    }

    fn send(
        &self,
        request: &Request<impl Encode>,
        ask: Ask,
        sender: oneshot::Sender<Reply>,
    ) -> Result<u64, Error> {
        let mut io = self.0.io();
        if self.has_ended() {
            return Err(LOST);
        }
        if io.waiting.len() >= MOST_WAITING || io.out.len() >= MOST_UNSENT {
            return Err(CROWDED);
        }
        let idle = io.waiting.is_empty() && io.out.is_empty();
        let commands = {
            let mut out = Out::new(&mut io.out, ask);
            (request.encode)(&mut out);
            out.commands()
        };
        io.waiting.push_back(Waiting { left: commands, ask, got: Vec::new(), sender });
        let heard = io.heard;
        let Some(server) = io.server.clone() else { return Ok(heard) };
        if idle {
            // What fails here fails again in the serving task, which ends the wire.
            let _ = io.flush(&mut Context::from_waker(&server));
        } else if !io.called {
            io.called = true;
            server.wake();
        }
        Ok(heard)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end();
    }
}

/// How a command is sent to a node of a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    /// As it is.
    Plainly,
    /// With `ASKING` before it, for a slot that is on its way to the node.
    WithAsking,
}

/// What a connection runs over: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

const MOST_WAITING: usize = 16_384;
const MOST_UNSENT: usize = 64 << 20;
const FIRST_ROOM: usize = 64 << 10;

struct Io {
    stream: Box<dyn Stream>,
    out: Vec<u8>,
    sent: usize,
    unflushed: bool,
    waiting: VecDeque<Waiting>,
    parser: Parser,
    room: Vec<u8>,
    read: usize,
    filled: usize,
    server: Option<Waker>,
    called: bool,
    heard: u64,
}

struct Waiting {
    left: u32,
    ask: Ask,
    got: Vec<Reply>,
    sender: oneshot::Sender<Reply>,
}

/// Ends a wire that is still there.
pub(crate) struct Ender(Weak<Shared>);

impl Ender {
    pub(crate) fn end(&self) {
        if let Some(shared) = self.0.upgrade() {
            shared.end();
        }
    }
}

impl Shared {
    fn end(&self) {
        let mut io = self.io();
        self.ended.store(true, Ordering::Release);
        io.waiting.clear();
        if let Some(waker) = io.server.take() {
            waker.wake();
        }
    }

    fn io(&self) -> MutexGuard<'_, Io> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream ended or made no sense.
struct Ended;

async fn serve(shared: Arc<Shared>) {
    let mut yielded = false;
    let mut answered: Vec<(oneshot::Sender<Reply>, Reply)> = Vec::new();
    poll_fn(|cx| {
        let mut io = shared.io();
        if shared.ended.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if io.server.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            io.server = Some(cx.waker().clone());
        }
        // The other tasks that are ready run first, so that one write carries all of
        // their commands.
        let wait = std::mem::take(&mut io.called) && !yielded;
        yielded = wait;
        if wait {
            cx.waker().wake_by_ref();
        }
        let moved = if wait { Ok(()) } else { io.flush(cx) };
        let moved = moved.and_then(|()| io.fill(cx, &mut answered));
        if moved.is_err() {
            shared.ended.store(true, Ordering::Release);
            io.waiting.clear();
        }
        drop(io);
        for (sender, reply) in answered.drain(..) {
            // Whoever asked may have gone.
            let _ = sender.send(reply);
        }
        if moved.is_err() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    // The stream itself is closed here, whoever still holds the wire.
    shared.io().stream = Box::new(tokio::io::empty());
}

impl Io {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            out: Vec::new(),
            sent: 0,
            unflushed: false,
            waiting: VecDeque::new(),
            parser: Parser::default(),
            room: vec![0; FIRST_ROOM],
            read: 0,
            filled: 0,
            server: None,
            called: false,
            heard: 0,
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        while self.sent < self.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.sent..]) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(Ended),
                Poll::Ready(Ok(written)) => {
                    self.sent += written;
                    self.unflushed = true;
                }
                Poll::Pending => return Ok(()),
            }
        }
        self.out.clear();
        self.sent = 0;
        if self.out.capacity() > MOST_KEPT {
            self.out = Vec::new();
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Err(Ended),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    fn fill(
        &mut self,
        cx: &mut Context<'_>,
        answered: &mut Vec<(oneshot::Sender<Reply>, Reply)>,
    ) -> Result<(), Ended> {
        loop {
            if self.filled == self.room.len() {
                self.make_room();
            }
            let mut free = ReadBuf::new(&mut self.room[self.filled..]);
            match Pin::new(&mut self.stream).poll_read(cx, &mut free) {
                Poll::Ready(Ok(())) if free.filled().is_empty() => return Err(Ended),
                Poll::Ready(Ok(())) => self.filled += free.filled().len(),
                Poll::Ready(Err(_)) => return Err(Ended),
                Poll::Pending => return Ok(()),
            }
            self.answer(answered)?;
        }
    }

    fn make_room(&mut self) {
        if self.read > 0 {
            self.room.copy_within(self.read..self.filled, 0);
            self.filled -= self.read;
            self.read = 0;
        } else {
            self.room.resize(2 * self.room.len(), 0);
        }
    }

    fn answer(&mut self, answered: &mut Vec<(oneshot::Sender<Reply>, Reply)>) -> Result<(), Ended> {
        while self.read < self.filled {
            let bytes = &self.room[..self.filled];
            let read = self.parser.read(bytes, &mut self.read);
            let Some(reply) = read.map_err(|_| Ended)? else { break };
            self.heard += 1;
            let waiting = self.waiting.front_mut().ok_or(Ended)?;
            waiting.left -= 1;
            let last = waiting.left == 0;
            match waiting.ask {
                Ask::WithAsking if waiting.left % 2 == 1 => {}
                _ if last && waiting.got.is_empty() => {
                    answered.extend(self.waiting.pop_front().map(|w| (w.sender, reply)));
                    continue;
                }
                _ => waiting.got.push(reply),
            }
            if last {
                let done = self.waiting.pop_front();
                answered.extend(done.map(|w| (w.sender, Reply::Array(w.got))));
            }
        }
        if self.read == self.filled {
            (self.read, self.filled) = (0, 0);
            if self.room.len() > MOST_KEPT {
                self.room = vec![0; FIRST_ROOM];
            }
        }
        Ok(())
    }
}

/// More than this is given back once it is not needed any more.
const MOST_KEPT: usize = 4 << 20;
