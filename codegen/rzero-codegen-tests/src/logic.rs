//! What the service does. This file is yours: `rzctl` never touches it again.

use rzero::{Cx, Error, Receiver, Result, Sender};

use crate::api::clashes::fields::_2Message;
use crate::api::clashes::{
    Fields, FooBar, FooBarMessage, FooBarMessage2, GreeterService, GreeterService2, Message,
};
use crate::api::common::v1::item::Nested;
use crate::api::core::std::rzero::Std;
use crate::api::old::proto2::{Legacy, Museum};
use crate::api::root::{Plain, Rootless};
use crate::api::shop::orders::Page;
use crate::api::shop::orders_package::status::Change;
use crate::api::shop::orders_package::{Empty, Item, Ledger, LedgerClient, LedgerService};
use crate::api::shop::{Orders, Shop};
use crate::api::r#type::r#mod::self_::r#async::future::Output;
use crate::api::r#type::r#mod::self_::r#async::{FutureService, Match, Self_, T, Trait};
use crate::{Config, api};

/// The logic and what it needs: clients of other services, stores, settings.
#[derive(Debug)]
pub struct Logic {}

impl Logic {
    /// The logic as `main` starts it.
    pub fn new(_config: &Config) -> Self {
        Self {}
    }
}

impl Plain for Logic {
    async fn echo(&self, _cx: &Cx, _req: Rootless) -> Result<Rootless> {
        Err(Error::unimplemented("Echo is to be written"))
    }

    async fn opt(
        &self,
        _cx: &Cx,
        _req: api::root::Option,
        _tx: Sender<api::root::Option>,
    ) -> Result<()> {
        Err(Error::unimplemented("Opt is to be written"))
    }
}

impl GreeterService for Logic {
    async fn hello(&self, _cx: &Cx, _req: FooBar) -> Result<FooBarMessage> {
        Err(Error::unimplemented("Hello is to be written"))
    }

    async fn hello_method(&self, _cx: &Cx, _req: FooBarMessage2) -> Result<Fields> {
        Err(Error::unimplemented("hello is to be written"))
    }
}

impl GreeterService2 for Logic {
    async fn hello(&self, _cx: &Cx, _req: Message) -> Result<_2Message> {
        Err(Error::unimplemented("Hello is to be written"))
    }
}

impl api::core::std::rzero::Send for Logic {
    async fn send(&self, _cx: &Cx, _req: Std) -> Result<Std> {
        Err(Error::unimplemented("Send is to be written"))
    }
}

impl api::core::std::rzero::Clone for Logic {
    async fn clone_(&self, _cx: &Cx, _req: Std, _tx: Sender<Std>) -> Result<()> {
        Err(Error::unimplemented("Clone is to be written"))
    }
}

impl Museum for Logic {
    async fn show(&self, _cx: &Cx, _req: Legacy) -> Result<Legacy> {
        Err(Error::unimplemented("Show is to be written"))
    }
}

impl Shop for Logic {
    async fn list(&self, _cx: &Cx, _req: Orders) -> Result<Page> {
        Err(Error::unimplemented("List is to be written"))
    }
}

impl api::shop::orders_package::Orders for Logic {
    async fn place(&self, _cx: &Cx, _req: Item) -> Result<api::common::v1::Item> {
        Err(Error::unimplemented("Place is to be written"))
    }

    async fn ping(&self, _cx: &Cx, _req: ()) -> Result<()> {
        Err(Error::unimplemented("Ping is to be written"))
    }

    async fn now(&self, _cx: &Cx, _req: ()) -> Result<rzero::prost_types::Timestamp> {
        Err(Error::unimplemented("Now is to be written"))
    }

    async fn upper(&self, _cx: &Cx, _req: String) -> Result<String> {
        Err(Error::unimplemented("Upper is to be written"))
    }

    async fn old(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Old is to be written"))
    }

    async fn follow(&self, _cx: &Cx, _req: Nested, _tx: Sender<Change>) -> Result<()> {
        Err(Error::unimplemented("Follow is to be written"))
    }

    async fn sum(&self, _cx: &Cx, _rx: Receiver<i64>) -> Result<i64> {
        Err(Error::unimplemented("Sum is to be written"))
    }

    async fn talk(&self, _cx: &Cx, _rx: Receiver<Item>, _tx: Sender<Item>) -> Result<()> {
        Err(Error::unimplemented("Talk is to be written"))
    }

    async fn new_(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("New is to be written"))
    }

    async fn connect(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Connect is to be written"))
    }

    async fn clone_(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Clone is to be written"))
    }

    async fn call(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Call is to be written"))
    }

    async fn get(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Get is to be written"))
    }

    async fn get_with(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("GetWith is to be written"))
    }

    async fn get_method(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("get is to be written"))
    }

    async fn r#type(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Type is to be written"))
    }

    async fn self_(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Self is to be written"))
    }

    async fn r#async(&self, _cx: &Cx, _rx: Receiver<Item>, _tx: Sender<Item>) -> Result<()> {
        Err(Error::unimplemented("Async is to be written"))
    }

    async fn drop(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Drop is to be written"))
    }

    async fn describe(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Describe is to be written"))
    }

    async fn default(&self, _cx: &Cx, _req: Item) -> Result<Item> {
        Err(Error::unimplemented("Default is to be written"))
    }
}

impl Empty for Logic {}

impl LedgerService for Logic {
    async fn append(&self, _cx: &Cx, _req: LedgerClient) -> Result<Ledger> {
        Err(Error::unimplemented("Append is to be written"))
    }
}

impl Match for Logic {
    async fn r#fn(&self, _cx: &Cx, _req: T) -> Result<api::r#type::r#mod::self_::r#async::Option> {
        Err(Error::unimplemented("Fn is to be written"))
    }

    async fn r#impl(
        &self,
        _cx: &Cx,
        _req: api::r#type::r#mod::self_::r#async::Result,
        _tx: Sender<api::r#type::r#mod::self_::r#async::String>,
    ) -> Result<()> {
        Err(Error::unimplemented("Impl is to be written"))
    }

    async fn r#mod(
        &self,
        _cx: &Cx,
        _rx: Receiver<api::r#type::r#mod::self_::r#async::Box>,
    ) -> Result<api::r#type::r#mod::self_::r#async::Vec> {
        Err(Error::unimplemented("Mod is to be written"))
    }

    async fn r#yield(
        &self,
        _cx: &Cx,
        _rx: Receiver<api::r#type::r#mod::self_::r#async::Future>,
        _tx: Sender<api::r#type::r#mod::self_::r#async::Send>,
    ) -> Result<()> {
        Err(Error::unimplemented("Yield is to be written"))
    }

    async fn r#await(
        &self,
        _cx: &Cx,
        _req: Self_,
    ) -> Result<api::r#type::r#mod::self_::r#async::Clone> {
        Err(Error::unimplemented("Await is to be written"))
    }
}

impl Trait for Logic {
    async fn r#trait(
        &self,
        _cx: &Cx,
        _req: api::r#type::r#mod::self_::r#async::Message,
    ) -> Result<api::r#type::r#mod::self_::r#async::Message> {
        Err(Error::unimplemented("Trait is to be written"))
    }
}

impl FutureService for Logic {
    async fn poll(
        &self,
        _cx: &Cx,
        _req: api::r#type::r#mod::self_::r#async::Future,
    ) -> Result<Output> {
        Err(Error::unimplemented("Poll is to be written"))
    }
}
