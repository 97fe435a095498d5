//! Rulings for devices: whatever spelling of a user people write, it is the one that the mobile gate looks up.

use admin::Expect;
use admin::devices::DeviceName;
use model::device::{DeviceId, Override, user_key};
use store::devices::Filter;

use super::{house, local};

#[tokio::test]
async fn g_1_a_ruling_holds_for_the_user_that_phones_write() {
    let house = house().await;
    for (number, written) in ["bob@company.example", "COMPANY\\Bob", " Bob ", "company\\bob@company.example"].into_iter().enumerate() {
        let device = format!("phone{number}");
        let name = DeviceName::parse(written, &device).unwrap();
        house.admin.rule_devices(&local(), vec![name], Override::Blacklist, Expect::Any).await.unwrap();
        let id = DeviceId::parse(&device).unwrap();
        let found = store::devices::get(&house.store, &user_key("Company\\bob"), &id).await.unwrap();
        assert_eq!(found.map(|row| row.device.override_), Some(Override::Blacklist), "{written:?} is the phone's bob");
    }
    let filter = Filter { user: "Bob@company.example".to_owned(), ..Filter::default() };
    assert_eq!(house.admin.devices(&local(), &filter, "", 10).await.unwrap().rows.len(), 4, "and found by any spelling");
    for nobody in ["", " ", "COMPANY\\"] {
        assert_eq!(DeviceName::parse(nobody, "phone").unwrap_err().code, "bad-field", "{nobody:?}");
    }
}
