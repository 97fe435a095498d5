//! Where a read runs: through the store's pool, or inside a transaction.
//!
//! Each query function of this room is written once and takes either, so that a use case sees its own
//! uncommitted changes when it reads in its transaction.

use std::future::Future;

use model::Realm;

use crate::Store;
use crate::engine::Conn;
use crate::error::StoreError;
use crate::value::{Row, Value};
use crate::write::Tx;

/// A place to read from: `&store`, or `&mut *tx`.
pub trait Reader: Send + sealed::Sealed {
    /// Whose rows are read.
    #[doc(hidden)]
    fn realm(&self) -> Realm;
    /// Runs one reading statement.
    #[doc(hidden)]
    fn rows(self, sql: &'static str, values: Vec<Value>) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &crate::Store {}
    impl Sealed for &mut crate::write::Tx {}
    impl Sealed for &mut crate::engine::Conn {}
}

impl Reader for &Store {
    fn realm(&self) -> Realm {
        Realm::ONE
    }
    async fn rows(self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.pooled_rows(sql, values).await
    }
}

impl Reader for &mut Tx {
    fn realm(&self) -> Realm {
        Realm::ONE
    }
    async fn rows(self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Tx::rows(self, sql, values).await
    }
}

impl Reader for &mut Conn {
    fn realm(&self) -> Realm {
        Realm::ONE
    }
    async fn rows(self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Conn::rows(self, sql, values).await
    }
}

/// The database's clock, read through the pool.
pub(crate) async fn database_now(store: &Store) -> Result<model::Timestamp, StoreError> {
    let rows = store.pooled_rows(store.dialect().now(), vec![]).await?;
    rows.first().ok_or_else(|| StoreError::Sql("no clock".into()))?.time(0)
}
