//! The tables that a Flux query answers with, read as they arrive: RFC 4180, with an
//! empty line before each table of other columns.
//!
//! <https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/>

use evanesce_core::{Error, ErrorKind, StoreKind};

const MAX_CELL: usize = 64 << 10;
const MAX_CELLS: usize = 1024;

/// One row of a table, and the names of its columns.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    header: &'a [String],
    cells: &'a [String],
}

impl<'a> Row<'a> {
    /// The columns in their order.
    pub(crate) fn columns(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.header.iter().map(String::as_str).zip(self.cells.iter().map(String::as_str))
    }

    /// The cell in the column of this name.
    pub(crate) fn cell(self, name: &str) -> Option<&'a str> {
        self.columns().find(|(column, _)| *column == name).map(|(_, cell)| cell)
    }
}

/// Reads tables from pieces of an answer, cut anywhere.
#[derive(Default)]
pub(crate) struct Tables {
    state: State,
    cell: Vec<u8>,
    row: Vec<String>,
    header: Option<Vec<String>>,
}

#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum State {
    #[default]
    Begin,
    Plain,
    Quoted,
    QuoteWithin,
}

impl Tables {
    /// Takes the next piece, and hands each row that it completes to `row`.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        row: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for &byte in piece {
            match (self.state, byte) {
                (State::Begin, b'"') => self.state = State::Quoted,
                (State::Quoted, b'"') => self.state = State::QuoteWithin,
                (State::QuoteWithin, b'"') => {
                    self.state = State::Quoted;
                    self.keep(byte)?;
                }
                (State::Quoted, _) => self.keep(byte)?,
                (_, b',') => self.end_cell()?,
                (_, b'\n') => self.end_row(row)?,
                (_, b'\r') => {}
                (State::QuoteWithin, _) => return Err(corrupt("a quoted cell goes on")),
                (State::Begin | State::Plain, _) => {
                    self.state = State::Plain;
                    self.keep(byte)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the answer: with a row's end, or it was cut off.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.state == State::Begin && self.row.is_empty() && self.cell.is_empty() {
            return Ok(());
        }
        Err(corrupt("the answer ends within a row"))
    }

    fn keep(&mut self, byte: u8) -> Result<(), Error> {
        if self.cell.len() >= MAX_CELL {
            return Err(corrupt("a cell is longer than is read"));
        }
        self.cell.push(byte);
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), Error> {
        if self.row.len() >= MAX_CELLS {
            return Err(corrupt("a row has more cells than are read"));
        }
        self.row.push(String::from_utf8_lossy(&self.cell).into_owned());
        self.cell.clear();
        self.state = State::Begin;
        Ok(())
    }

    fn end_row(&mut self, row: &mut dyn FnMut(Row<'_>) -> Result<(), Error>) -> Result<(), Error> {
        self.end_cell()?;
        let cells = std::mem::take(&mut self.row);
        if cells.len() == 1 && cells.iter().all(String::is_empty) {
            self.header = None;
            return Ok(());
        }
        let Some(header) = &self.header else {
            if is_error(&cells) {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    StoreKind::InfluxDb,
                    "the query broke off",
                ));
            }
            self.header = Some(cells);
            return Ok(());
        };
        if header.len() != cells.len() {
            return Err(corrupt("a row has not the columns of its table"));
        }
        row(Row { header, cells: &cells })
    }
}

/// An error after the first byte of an answer comes as a table of its own.
fn is_error(header: &[String]) -> bool {
    let mut names = header.iter().filter(|name| !name.is_empty());
    names.next().is_some_and(|name| name == "error")
        && names.next().is_some_and(|name| name == "reference")
        && names.next().is_none()
}

const fn corrupt(sentence: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, StoreKind::InfluxDb, sentence)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Rows = Vec<Vec<(String, String)>>;

    fn read(pieces: &[&[u8]]) -> Result<Rows, Error> {
        let mut rows = Vec::new();
        let mut tables = Tables::default();
        for piece in pieces {
            tables.push(piece, &mut |row| {
                rows.push(row.columns().map(|(name, cell)| (name.into(), cell.into())).collect());
                Ok(())
            })?;
        }
        tables.finish()?;
        Ok(rows)
    }

    const ANSWER: &str = ",result,table,_value\r\n,_result,0,\"a \"\"b\"\",\nc\"\r\n\r\n,result,table,store\r\n,_result,1,redis\r\n,_result,1,\r\n\r\n";

    #[test]
    fn tables_of_other_columns_are_told_apart() {
        let rows = read(&[ANSWER.as_bytes()]).unwrap();
        let last = |row: &Vec<(String, String)>| row.last().cloned().unwrap();
        let lasts: Vec<_> = rows.iter().map(last).collect();
        assert_eq!(
            lasts,
            [
                ("_value".into(), "a \"b\",\nc".into()),
                ("store".into(), "redis".into()),
                ("store".into(), String::new()),
            ]
        );
        assert_eq!(read(&[b"\r\n"]).unwrap(), Rows::new(), "an answer of no rows");
    }

    #[test]
    fn an_error_within_the_answer_is_one() {
        let answer = ",result\r\n,_result\r\n\r\n,error,reference\r\n,secret text,897\r\n";
        let error = read(&[answer.as_bytes()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn what_is_cut_off_or_does_not_fit_is_corrupt() {
        let long = format!("a\n{}\n", "x".repeat(MAX_CELL + 1));
        let wide = ",".repeat(MAX_CELLS + 1);
        for answer in ["a,b\n1", "a,b\n\"1", "a,b\n1\n", "a\n\"1\"2\n", "a\n1,2\n", &long, &wide] {
            let error = read(&[answer.as_bytes()]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_an_answer_is_cut(at in 0..=ANSWER.len()) {
            let (first, second) = ANSWER.as_bytes().split_at(at);
            prop_assert_eq!(read(&[first, second]), read(&[ANSWER.as_bytes()]));
        }

        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&bytes]);
        }
    }
}
