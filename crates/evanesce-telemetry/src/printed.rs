use std::fmt;

use tracing::span::Record;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{self as printing, FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::layer::{Fields, level};
use crate::{Telemetry, Value};

/// How the `fmt` layer of [`Telemetry::printed`] writes an event, and the fields of its
/// spans: every value goes through the same rules as in a [`LogRecord`](crate::LogRecord),
/// and the time is the minute.
#[derive(Clone)]
pub struct Printed(Telemetry);

impl Telemetry {
    /// A `fmt` layer that prints what the stores get: sanitised values, the minute, no
    /// colours. For a program's own output beside [`layer`](Self::layer).
    ///
    /// ```no_run
    /// # fn run(telemetry: evanesce_telemetry::Telemetry) {
    /// use tracing_subscriber::layer::SubscriberExt;
    ///
    /// let printed = telemetry.printed(std::io::stderr);
    /// let subscriber = tracing_subscriber::registry().with(telemetry.layer()).with(printed);
    /// # drop(subscriber);
    /// # }
    /// ```
    pub fn printed<S, W>(&self, writer: W) -> printing::Layer<S, Printed, Printed, W>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        W: for<'w> printing::MakeWriter<'w> + 'static,
    {
        let printed = Printed(self.clone());
        printing::layer()
            .with_ansi(false)
            .fmt_fields(printed.clone())
            .event_format(printed)
            .with_writer(writer)
    }
}

impl<'writer> FormatFields<'writer> for Printed {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut clean = Fields::new(&self.0);
        fields.record(&mut clean);
        line(&mut writer, &clean.fields)
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        if !current.fields.is_empty() {
            current.fields.push(' ');
        }
        self.format_fields(current.as_writer(), fields)
    }
}

impl<S, N> FormatEvent<S, N> for Printed
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        let at = self.0.clock().now().coarse(evanesce_core::Grain::Minute);
        write!(writer, "{at} {} {}: ", level(about).name(), about.target())?;
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            write!(writer, "{}", span.name())?;
            // Those of another formatter of fields may hold anything, and stay out.
            if let Some(fields) = span.extensions().get::<FormattedFields<Self>>()
                && !fields.is_empty()
            {
                write!(writer, "{{{}}}", fields.fields)?;
            }
            writer.write_str(": ")?;
        }
        self.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

fn line(writer: &mut Writer<'_>, fields: &[(&'static str, Value)]) -> fmt::Result {
    for (place, (name, value)) in fields.iter().enumerate() {
        if place > 0 {
            writer.write_char(' ')?;
        }
        if *name != "message" {
            write!(writer, "{name}=")?;
        }
        match value {
            Value::Flag(flag) => write!(writer, "{flag}")?,
            Value::Float(number) => write!(writer, "{number}")?,
            Value::Integer(number) => write!(writer, "{number}")?,
            Value::Text(text) => one_line(writer, text.as_str())?,
            Value::Word(word) => write!(writer, "<{word}>")?,
        }
    }
    Ok(())
}

// What a value holds begins no line of its own, and steers no terminal.
fn one_line(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if c.is_control() {
            write!(writer, "{}", c.escape_default())?
        } else {
            writer.write_char(c)?
        }
    }
    Ok(())
}
