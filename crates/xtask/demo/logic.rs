//! What the demo's service does: it prices orders and says which instance answered.

use std::time::{Duration, SystemTime};

use rzero::{Cx, Error, Receiver, Result, Sender};

use crate::Config;
use crate::api::shop::common::v1::Money;
use crate::api::shop::orders::v1::{
    GetOrderRequest, ImportReply, Item, Order, OrderEvent, OrderState, Orders, PlaceOrderReply,
    PlaceOrderRequest, QuoteReply,
};

/// What a look into a store would take.
const WORK: Duration = Duration::from_millis(5);

/// The logic of the demo.
#[derive(Debug)]
pub struct Logic {
    instance: String,
}

impl Logic {
    /// The logic as `main` starts it.
    pub fn new(_config: &Config) -> Self {
        Self { instance: std::env::var("DEMO_INSTANCE").unwrap_or_default() }
    }
}

fn total(items: &[Item]) -> Result<Money> {
    let mut sum = Money { currency: "EUR".into(), minor_units: 0 };
    for item in items {
        let price = item.price.as_ref().ok_or(Error::invalid_input("an item has no price"))?;
        let line = price.minor_units.checked_mul(item.quantity.into());
        let line = line.ok_or(Error::invalid_input("an item is too expensive"))?;
        sum.minor_units = sum.minor_units.saturating_add(line);
    }
    Ok(sum)
}

impl Orders for Logic {
    async fn place_order(&self, _cx: &Cx, req: PlaceOrderRequest) -> Result<PlaceOrderReply> {
        if req.items.is_empty() {
            return Err(Error::invalid_input("an order needs items")
                .with_violation("items", "must not be empty"));
        }
        tokio::time::sleep(WORK).await;
        let order_id = format!("{}-{}", req.customer, req.items.len());
        let served_by = self.instance.clone();
        Ok(PlaceOrderReply { order_id, total: Some(total(&req.items)?), served_by })
    }

    async fn get_order(&self, _cx: &Cx, req: GetOrderRequest) -> Result<Order> {
        tokio::time::sleep(WORK).await;
        Ok(Order {
            order_id: req.order_id,
            state: OrderState::Placed.into(),
            placed_at: Some(SystemTime::now().into()),
            items: Vec::new(),
            served_by: self.instance.clone(),
        })
    }

    async fn watch_order(
        &self,
        _cx: &Cx,
        _req: GetOrderRequest,
        mut tx: Sender<OrderEvent>,
    ) -> Result<()> {
        for state in [OrderState::Placed, OrderState::Shipped, OrderState::Delivered] {
            let at = Some(SystemTime::now().into());
            let served_by = self.instance.clone();
            tx.send(OrderEvent { state: state.into(), at, served_by }).await?;
        }
        Ok(())
    }

    async fn import_orders(
        &self,
        _cx: &Cx,
        mut rx: Receiver<PlaceOrderRequest>,
    ) -> Result<ImportReply> {
        let (mut orders, mut items) = (0, Vec::new());
        while let Some(order) = rx.recv().await? {
            orders += 1;
            items.extend(order.items);
        }
        let served_by = self.instance.clone();
        Ok(ImportReply { orders, total: Some(total(&items)?), served_by })
    }

    async fn quote(
        &self,
        _cx: &Cx,
        mut rx: Receiver<Item>,
        mut tx: Sender<QuoteReply>,
    ) -> Result<()> {
        while let Some(item) = rx.recv().await? {
            let price = Some(total(std::slice::from_ref(&item))?);
            let served_by = self.instance.clone();
            tx.send(QuoteReply { sku: item.sku, price, served_by }).await?;
        }
        Ok(())
    }
}
