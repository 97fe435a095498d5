//! A table in place of the DNS, for tests of this room.

use std::collections::HashMap;
use std::net::IpAddr;

use async_trait::async_trait;

use crate::resolver::{Family, LookupError, Resolver};

/// TXT records by name; a name with no text at all does not answer.
#[derive(Debug, Default)]
pub(crate) struct Table(pub(crate) HashMap<String, Vec<String>>);

impl Table {
    pub(crate) fn of(rows: &[(&str, &str)]) -> Self {
        let mut table = Self::default();
        for (name, text) in rows {
            table.0.entry((*name).to_owned()).or_default().push((*text).to_owned());
        }
        table
    }

    /// A name that does not answer.
    pub(crate) fn silent(mut self, name: &str) -> Self {
        self.0.insert(name.to_owned(), Vec::new());
        self
    }
}

#[async_trait]
impl Resolver for Table {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        match self.0.get(name) {
            Some(texts) if texts.is_empty() => Err(LookupError("silent".into())),
            Some(texts) => Ok(texts.iter().map(|text| text.clone().into_bytes()).collect()),
            None => Ok(Vec::new()),
        }
    }

    async fn mx(&self, _name: &str) -> Result<Vec<String>, LookupError> {
        Ok(Vec::new())
    }

    async fn addresses(&self, _name: &str, _family: Family) -> Result<Vec<IpAddr>, LookupError> {
        Ok(Vec::new())
    }

    async fn names(&self, _address: IpAddr) -> Result<Vec<String>, LookupError> {
        Ok(Vec::new())
    }
}
