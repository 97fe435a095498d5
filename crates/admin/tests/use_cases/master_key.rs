//! The master key changes while the site runs, and a change that was cut short is brought to its end.

use std::path::PathBuf;
use std::sync::Arc;

use admin::keys::Owner;
use admin::master_key::MasterPlace;
use admin::{Admin, Parts};
use keyring::{MasterKey, Vault};
use model::{Fault, SecretText};
use store::data_keys;

use super::keys::{address, key_file, made, with_domain};
use super::{House, local};

/// A master key in a file; with `stuck` the next one never takes its place, as if the node died before.
struct File {
    path: PathBuf,
    stuck: bool,
}

impl MasterPlace for File {
    fn next(&self) -> Result<MasterKey, Fault> {
        Ok(MasterKey::next(&self.path)?)
    }

    fn take_over(&self) -> Result<(), Fault> {
        if self.stuck {
            return Err(Fault::temporary(model::Guilty::Ourselves, "internal", "killed here"));
        }
        Ok(MasterKey::take_over(&self.path)?)
    }
}

/// A house whose store has its data keys, as a node's has, with a key and a password in it.
async fn furnished() -> (House, PathBuf, String) {
    let mut house = with_domain().await;
    let path = house.dir.path().join("site.key");
    let (vault, first) = Vault::create(MasterKey::create(&path).unwrap()).unwrap();
    house.store.write(move |tx| Box::pin(async move { data_keys::add(tx, &first).await })).await.unwrap();
    house.admin = admin(&house, &path, vault, false);
    let pass = || Some(SecretText::new("letmein".to_owned()));
    let file = key_file(&made().1, "letmein");
    let key = house.admin.key_import(&local(), Owner::User(address("bob@company.example")), file, pass()).await.unwrap().remove(0).key;
    (house, path, key)
}

fn admin(house: &House, path: &std::path::Path, vault: Vault, stuck: bool) -> Admin {
    let master: Option<Arc<dyn MasterPlace>> = Some(Arc::new(File { path: path.to_owned(), stuck }));
    Admin::new(Parts { vault: Arc::new(vault), master, ..house.parts() })
}

async fn opened(house: &House, path: &std::path::Path) -> Result<Vault, keyring::KeyringError> {
    let master = MasterKey::load(&format!("file:{}", path.display())).unwrap();
    Vault::open(master, &data_keys::all(&house.store).await.unwrap())
}

async fn exports(admin: &Admin, key: &str) -> bool {
    admin.key_export(&local(), key, &SecretText::new("long enough".to_owned())).await.is_ok()
}

#[tokio::test]
async fn m_c12_the_master_key_changes_and_everything_is_sealed_anew() {
    let (house, path, key) = furnished().await;
    let before = house.admin.master_state(&local()).await.unwrap();
    assert_eq!((before.epoch, before.data_keys, before.waiting), (1, 1, 0));
    assert!(before.rows >= 1);
    let old = std::fs::read(&path).unwrap();
    let after = house.admin.master_rotate(&local()).await.unwrap();
    assert_eq!((after.epoch, after.data_keys, after.rows, after.waiting), (2, 2, before.rows, 0));
    assert!(exports(&house.admin, &key).await);
    assert_ne!(std::fs::read(&path).unwrap(), old);
    assert!(!MasterKey::next_path(&path).exists());
    assert!(exports(&admin(&house, &path, opened(&house, &path).await.unwrap(), false), &key).await, "and after a start");
    let stolen = house.dir.path().join("stolen.key");
    std::fs::write(&stolen, old).unwrap();
    std::fs::set_permissions(&stolen, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(opened(&house, &stolen).await.is_err(), "the old key opens nothing");
    assert!(house.log().await.join("\n").contains("master-key"));
}

#[tokio::test]
async fn m_c12_a_change_that_was_cut_short_goes_on() {
    let (house, path, key) = furnished().await;
    let dying = admin(&house, &path, opened(&house, &path).await.unwrap(), true);
    assert_eq!(dying.master_rotate(&local()).await.unwrap_err().cause, "killed here");
    // The node is gone: the key in force is the one that waits, and nothing was sealed anew yet.
    assert!(opened(&house, &path).await.is_err());
    let next = MasterKey::load(&format!("file:{}", MasterKey::next_path(&path).display())).unwrap();
    let vault = Vault::open(next, &data_keys::all(&house.store).await.unwrap()).unwrap();
    MasterKey::take_over(&path).unwrap();
    let started = admin(&house, &path, vault, false);
    assert!(started.master_state(&local()).await.unwrap().waiting >= 1);
    assert!(exports(&started, &key).await);
    assert!(started.reseal_work().await.unwrap() >= 1);
    assert_eq!(started.master_state(&local()).await.unwrap().waiting, 0);
    assert!(exports(&started, &key).await);
    assert_eq!(started.reseal_work().await.unwrap(), 0, "done once");
}

#[tokio::test]
async fn m_c12_two_nodes_that_change_it_at_once_leave_one_change() {
    let (house, path, key) = furnished().await;
    let other = admin(&house, &path, opened(&house, &path).await.unwrap(), false);
    let actor = local();
    let (one, two) = tokio::join!(house.admin.master_rotate(&actor), other.master_rotate(&actor));
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    let fresh = admin(&house, &path, opened(&house, &path).await.unwrap(), false);
    assert!(exports(&fresh, &key).await);
}
