//! What has to happen in one step, as Lua that runs inside the server. The offsets are
//! those of `record.rs`; numbers of 8 bytes are compared as bytes.

/// A script, known to a server by its SHA-1.
pub(crate) struct Script {
    code: String,
    hash: String,
}

impl Script {
    fn new(code: &str) -> Self {
        let hash = redis::Script::new(code).get_hash().to_owned();
        Self { code: code.to_owned(), hash }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

/// How a conditional script answers.
pub(crate) const APPLIED: i64 = 0;
pub(crate) const CONFLICT: i64 = 1;
pub(crate) const GONE: i64 = 2;

pub(crate) struct Scripts {
    pub(crate) acquire: Script,
    pub(crate) begin: Script,
    pub(crate) oldest: Script,
    pub(crate) reclaim: Script,
    pub(crate) release: Script,
    pub(crate) rename: Script,
    pub(crate) replace: Script,
    pub(crate) sweep: Script,
    pub(crate) take: Script,
    pub(crate) unreadable: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            acquire: Script::new(ACQUIRE),
            begin: Script::new(&[NOW, BEGIN].concat()),
            oldest: Script::new(&[NOW, NUMBER, OLDEST].concat()),
            reclaim: Script::new(&[FALLEN, RECLAIM].concat()),
            release: Script::new(RELEASE),
            rename: Script::new(&[STANDS, RENAME].concat()),
            replace: Script::new(&[STANDS, REPLACE].concat()),
            sweep: Script::new(&[NOW, NUMBER, SWEEP].concat()),
            take: Script::new(TAKE),
            unreadable: Script::new(&[FALLEN, UNREADABLE].concat()),
        }
    }

    pub(crate) fn all(&self) -> [&Script; 10] {
        [
            &self.acquire,
            &self.begin,
            &self.oldest,
            &self.reclaim,
            &self.release,
            &self.rename,
            &self.replace,
            &self.sweep,
            &self.take,
            &self.unreadable,
        ]
    }
}

const NOW: &str = r"
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
";

const NUMBER: &str = r"
local function number(bytes)
  local value = 0
  for at = 1, #bytes do value = value * 256 + string.byte(bytes, at) end
  return value
end
";

const STANDS: &str = r"
local function stands(record, current, draining)
  local epoch = string.sub(record, 10, 17)
  for _, standing in ipairs(redis.call('MGET', current, draining)) do
    if standing and string.sub(standing, 1, 8) == epoch then return true end
  end
  return false
end
";

// KEYS: session, current, draining. ARGV: record, milliseconds, version.
const REPLACE: &str = r"
local version = redis.call('GETRANGE', KEYS[1], 1, 8)
if version == '' then return 2 end
if version ~= ARGV[3] then return 1 end
if not stands(ARGV[1], KEYS[2], KEYS[3]) then return 2 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
";

// KEYS: from, current, draining, to. ARGV: record, milliseconds, version.
const RENAME: &str = r"
local version = redis.call('GETRANGE', KEYS[1], 1, 8)
if version == '' then return 2 end
if version ~= ARGV[3] then return 1 end
if not stands(ARGV[1], KEYS[2], KEYS[3]) then return 2 end
if not redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
redis.call('DEL', KEYS[1])
return 0
";

// KEYS: session, current, draining, newest.
const TAKE: &str = r"
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('DEL', KEYS[1])
return found
";

// KEYS: current, draining, newest. ARGV: the number, what follows the beginning, how many
// milliseconds what was current drains, the newest number that was read, and how long the
// epoch and its number live.
const BEGIN: &str = r"
local newest = redis.call('GET', KEYS[3]) or string.rep('\0', 8)
if newest ~= ARGV[4] then return 1 end
local current = redis.call('GET', KEYS[1])
if current and tonumber(ARGV[3]) > 0 then
  redis.call('SET', KEYS[2], current, 'PX', ARGV[3])
else
  redis.call('DEL', KEYS[2])
end
local epoch = ARGV[1] .. struct.pack('>I8', now()) .. ARGV[2]
redis.call('SET', KEYS[1], epoch, 'PX', ARGV[5])
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[6])
return 0
";

// KEYS: current, draining, then sessions of their tag. What is sealed under an epoch that
// stands stays; what is no record at all has no epoch that could stand.
const FALLEN: &str = r"
local standing = {}
for _, epoch in ipairs({redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''}) do
  if #epoch > 8 then standing[string.sub(epoch, 1, 8)] = true end
end
local function fallen(key)
  local epoch = redis.pcall('GETRANGE', key, 9, 16)
  return type(epoch) ~= 'string' or not standing[epoch]
end
local count = 0
";

const RECLAIM: &str = r"
for at = 3, #KEYS do
  if fallen(KEYS[at]) then count = count + redis.call('UNLINK', KEYS[at]) end
end
return count
";

const UNREADABLE: &str = r"
for at = 3, #KEYS do
  if fallen(KEYS[at]) then count = count + redis.call('EXISTS', KEYS[at]) end
end
return count
";

// KEYS: sessions. ARGV: the most that may be removed. What was renewed since the scan
// has its expiry again here, and stays.
const SWEEP: &str = r"
local expired, without, overdue, time = 0, 0, 0, now()
for _, key in ipairs(KEYS) do
  if expired + without >= tonumber(ARGV[1]) then break end
  local lives = redis.call('PTTL', key)
  if lives == -1 then
    without = without + redis.call('UNLINK', key)
  elseif lives >= 0 then
    local late = time - number(redis.call('GETRANGE', key, 25, 32))
    if late > 0 then
      expired = expired + redis.call('UNLINK', key)
      overdue = math.max(overdue, late)
    end
  end
end
return {expired, without, overdue}
";

// KEYS: sessions. Says how old the oldest of them is, or -1.
const OLDEST: &str = r"
local age, time = -1, now()
for _, key in ipairs(KEYS) do
  local opened = redis.call('GETRANGE', key, 17, 24)
  if #opened == 8 then age = math.max(age, time - number(opened), 0) end
end
return age
";

// KEYS: lease, last fence. ARGV: duration.
const ACQUIRE: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
return fence
";

// KEYS: lease. ARGV: fence.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
";
