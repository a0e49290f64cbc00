//! Single flight: callers that want the same thing at the same time share one piece of work.
