//! The nodes that share this store: what version each runs and when it was here last.
//!
//! New formats and job kinds are used only when every node can read them (design decision 12): this table says so.

use model::{Fault, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::values;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id, made once.
    pub id: String,
    /// Its host name.
    pub name: String,
    /// The program's version there.
    pub version: String,
    /// When it was here last, by the database's clock.
    pub last_seen: Timestamp,
}

impl Store {
    /// Says that this node is here.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn here(&self, name: &str, version: &str) -> Result<(), Fault> {
        let (name, version) = (name.to_owned(), version.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.database_now().await?;
                let sql = "INSERT INTO node (id, realm, name, version, last_seen) VALUES ($1, $2, $3, $4, $5) \
                           ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, last_seen = excluded.last_seen";
                let (node, realm) = (tx.node(), tx.realm());
                tx.execute(sql, values![&*node, realm, name, version, now]).await?;
                Ok(())
            })
        })
        .await
    }
}

/// All nodes, by id.
///
/// # Errors
/// When the store is away.
pub async fn all(on: impl Reader) -> Result<Vec<Node>, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT id, name, version, last_seen FROM node WHERE realm = $1 ORDER BY id", values![realm]).await?;
    let nodes = rows.iter().map(|row| Ok(Node { id: row.text(0)?, name: row.text(1)?, version: row.text(2)?, last_seen: row.time(3)? }));
    nodes.collect::<Result<_, StoreError>>().map_err(Into::into)
}
