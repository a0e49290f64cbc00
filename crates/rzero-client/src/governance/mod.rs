//! What governs the calls of a channel: the rules of each method, and what is counted for them.

mod lookout;
mod methods;
mod rules;
mod table;
mod view;

pub(crate) use lookout::Lookout;
pub(crate) use methods::{MethodState, Methods};
pub(crate) use rules::{Rules, earlier};
pub(crate) use view::text;
pub use view::{BudgetView, Governance, LaneView, MethodView};
