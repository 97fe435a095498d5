//! What only a server can do wrong: refuse us, and be somebody else.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::Arc;

use model::{Fault, SystemClock};
use store::{Store, StoreError};
use testkit::Postgres;

async fn open(url: &str) -> Result<Store, StoreError> {
    let data = tempfile::tempdir().unwrap();
    Store::open(url, data.path(), Arc::new(SystemClock)).await
}

async fn refused(url: &str) -> (String, &'static str) {
    let error = open(url).await.expect_err("it must not open");
    (error.to_string(), Fault::from(error).code)
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server = Postgres::start("refuse");
    let (said, code) = refused(&server.url("nowhere")).await;
    assert!(code == "store-refused" && said.contains("createdb"), "{said}");
    let (said, code) = refused(&server.url("postgres").replace("sealgate@", "nobody@")).await;
    assert!(code == "store-refused" && said.contains("pg_hba.conf"), "{said}");
    let url = server.create_database("foreign");
    server.sql("foreign", "CREATE ROLE guest LOGIN");
    let (said, code) = refused(&url.replace("sealgate@", "guest@")).await;
    assert!(code == "store-refused" && said.contains("own the database"), "{said}");
    let (said, code) = refused(&format!("{url}?sslmode=require")).await;
    assert_eq!(code, "store-away", "a server without TLS is not spoken to in clear: {said}");
}

#[tokio::test]
async fn c_5_the_server_proves_who_it_is() {
    let mut server = Postgres::start("tls");
    let url = server.create_database("tls").replace("127.0.0.1", "localhost");
    let made = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (own, foreign) = (made("localhost"), made("localhost"));
    server.serve_tls(&own.cert.pem(), &own.signing_key.serialize_pem());
    let room = tempfile::tempdir().unwrap();
    let with_root = |pem: &str, name: &str| {
        let root = room.path().join(name);
        std::fs::write(&root, pem).unwrap();
        format!("{url}?sslmode=verify-full&sslrootcert={}", root.display())
    };
    let store = open(&with_root(&own.cert.pem(), "own.pem")).await.expect("the right server");
    store.ping().await.expect("it answers");
    let by_tls = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'sealgate'";
    assert_ne!(server.sql("tls", by_tls), "0", "its connections are protected");
    let (said, code) = refused(&with_root(&foreign.cert.pem(), "foreign.pem")).await;
    assert_eq!(code, "store-away", "a server with a foreign certificate is not trusted: {said}");
    let wrong_name = with_root(&own.cert.pem(), "own.pem").replace("localhost", "127.0.0.1");
    assert_eq!(refused(&wrong_name).await.1, "store-away", "nor one of another name");
}
