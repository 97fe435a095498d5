//! Orders to devices: to sync anew, with another key or without; of one, of some, of all.

use admin::Expect;
use admin::devices::DeviceName;
use model::device::{Orders, Override};
use model::site::{ResyncOrder, Section};
use store::devices::Ordered;

use super::{House, NOW, house, local, with_rights};

fn name(user: &str) -> DeviceName {
    DeviceName::parse(user, "phone").unwrap()
}

async fn orders(house: &House, user: &str) -> Orders {
    house.admin.device(&local(), &name(user)).await.unwrap().device.orders
}

async fn site(house: &House) -> ResyncOrder {
    let row = store::site::get(&house.store, Section::Resync, "").await.unwrap();
    row.map(|row| serde_json::from_str(&row.body).unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_8_orders_count_up_and_are_in_the_audit_log() {
    let house = house().await;
    let both = vec![name("bob"), name("eve")];
    house.admin.rule_devices(&local(), both.clone(), Override::Default, Expect::Any).await.unwrap();
    let version = house.admin.device(&local(), &name("bob")).await.unwrap().version;
    let now = NOW.seconds();
    let order = async |names: Vec<DeviceName>, ordered, expect| house.admin.order_devices(&local(), names, ordered, expect).await;
    assert_eq!(order(both.clone(), Ordered::Resync, Expect::Any).await.unwrap(), 2);
    assert_eq!(orders(&house, "bob").await, Orders { resync: now, key: 0 });
    assert_eq!(order(vec![name("bob")], Ordered::Key, Expect::Version(version)).await.unwrap_err().code, "changed-meanwhile");
    order(vec![name("bob")], Ordered::Key, Expect::Version(version + 1)).await.unwrap();
    // The clock of this house stands still: an order is another one all the same.
    assert_eq!(orders(&house, "bob").await, Orders { resync: now + 1, key: now });
    assert_eq!(orders(&house, "eve").await, Orders { resync: now, key: 0 });
    let unknown = order(vec![name("eve"), name("nobody")], Ordered::Key, Expect::Any).await.unwrap_err();
    assert_eq!((unknown.code, orders(&house, "eve").await.key), ("not-found", 0), "all or none");
    assert_eq!(order(Vec::new(), Ordered::Key, Expect::Any).await.unwrap_err().code, "bad-field");
    let log = house.log().await;
    let told = format!(r#"{} device/bob/phone {{"resync":{now},"key":0}} > {{"resync":{},"key":{now}}}"#, local().name, now + 1);
    assert_eq!(log.last(), Some(&told), "{log:?}");
    for right in ["mobilepoliciesadmin", "mobiledashboardadmin:read"] {
        let refused = house.admin.order_devices(&with_rights(&[right]), vec![name("bob")], Ordered::Resync, Expect::Any).await;
        assert_eq!(refused.unwrap_err().code, "not-permitted", "{right}");
    }
}

#[tokio::test]
async fn g_25_keys_of_all_are_renewed_by_a_new_data_key_of_the_site() {
    let house = house().await;
    let vault = house.parts().vault;
    let before = vault.attachment_key("bob", "phone", 0, None).unwrap();
    let sealed = vault.seal("x", b"kept").unwrap();
    house.admin.order_all(&local(), Ordered::Resync).await.unwrap();
    assert_eq!(site(&house).await.number, NOW.seconds());
    assert!(store::data_keys::all(&house.store).await.unwrap().is_empty(), "no key is made for that");
    house.admin.order_all(&local(), Ordered::Key).await.unwrap();
    assert_eq!(site(&house).await.number, NOW.seconds() + 1);
    let keys = store::data_keys::all(&house.store).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.epoch).collect::<Vec<_>>(), [2]);
    // What the feed does on every node.
    vault.adopt(&keys).unwrap();
    let after = vault.attachment_key("bob", "phone", 0, None).unwrap();
    assert!(after.0 == 2 && after != before);
    assert_eq!(vault.attachment_key("bob", "phone", 0, Some(before.0)).unwrap(), before, "old files still open");
    assert_eq!(vault.unseal("x", &sealed).unwrap().expose(), b"kept");
    let log = house.log().await.join("\n");
    assert!(log.contains("data_key") && log.contains("resync/all") && !log.contains("wrapped"), "{log}");
    let dashboard = with_rights(&["mobiledashboardadmin"]);
    assert_eq!(house.admin.order_all(&dashboard, Ordered::Key).await.unwrap_err().code, "not-permitted");
    house.admin.order_all(&dashboard, Ordered::Resync).await.unwrap();
    assert_eq!(house.admin.order_all(&with_rights(&["mobiledevicesadmin"]), Ordered::Key).await.unwrap_err().code, "not-permitted");
}
