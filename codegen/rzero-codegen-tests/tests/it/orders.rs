//! Logic for a service with every kind of call and every awkward method name.

use rzero::{Cx, Error, Receiver, Result, Sender};
use rzero_codegen_tests::api;
use rzero_codegen_tests::api::shop::orders_package::status::Change;
use rzero_codegen_tests::api::shop::orders_package::{Item, Orders, Status};

/// Answers with the name of the method that was reached.
#[derive(Debug, Default)]
pub(crate) struct Shop;

fn named(name: &str) -> Result<Item> {
    Ok(Item {
        sku: name.to_owned(),
        ..Item::default()
    })
}

impl Orders for Shop {
    async fn place(&self, cx: &Cx, req: Item) -> Result<api::common::v1::Item> {
        cx.set_header("x-seen", req.sku.as_str())?;
        if req.sku.is_empty() {
            return Err(Error::invalid_input("sku is empty").with_violation("sku", "required"));
        }
        Ok(api::common::v1::Item {
            id: req.sku,
            ..Default::default()
        })
    }
    async fn ping(&self, _cx: &Cx, _req: ()) -> Result<()> {
        Ok(())
    }
    async fn now(&self, _cx: &Cx, _req: ()) -> Result<rzero::prost_types::Timestamp> {
        Ok(rzero::prost_types::Timestamp {
            seconds: 7,
            nanos: 0,
        })
    }
    async fn upper(&self, _cx: &Cx, req: String) -> Result<String> {
        Ok(req.to_uppercase())
    }
    async fn old(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("old")
    }
    async fn follow(
        &self,
        _cx: &Cx,
        req: api::common::v1::item::Nested,
        mut tx: Sender<Change>,
    ) -> Result<()> {
        for at in 0..i64::from(req.state) {
            tx.send(Change {
                at,
                to: Some(Status::default()),
            })
            .await?;
        }
        if req.state == 0 {
            Err(Error::not_found("nothing to follow"))
        } else {
            Ok(())
        }
    }
    async fn sum(&self, _cx: &Cx, mut rx: Receiver<i64>) -> Result<i64> {
        let mut sum = 0;
        while let Some(number) = rx.recv().await? {
            sum += number;
        }
        Ok(sum)
    }
    async fn talk(&self, _cx: &Cx, mut rx: Receiver<Item>, mut tx: Sender<Item>) -> Result<()> {
        while let Some(mut item) = rx.recv().await? {
            item.sku.push('!');
            tx.send(item).await?;
        }
        Ok(())
    }
    async fn new_(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("new")
    }
    async fn connect(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("connect")
    }
    async fn clone_(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("clone")
    }
    async fn call(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("call")
    }
    async fn get(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("Get")
    }
    async fn get_with(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("GetWith")
    }
    async fn get_method(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("get")
    }
    async fn r#type(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("type")
    }
    async fn self_(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("self")
    }
    async fn r#async(&self, _cx: &Cx, rx: Receiver<Item>, mut tx: Sender<Item>) -> Result<()> {
        let count = rx.collect().await?.len();
        tx.send(named(&count.to_string())?).await
    }
    async fn drop(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("drop")
    }
    async fn describe(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("describe")
    }
    async fn default(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        named("default")
    }
}
