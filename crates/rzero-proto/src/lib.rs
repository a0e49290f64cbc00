//! The protobuf side of a call: message codec and google.rpc.Status details
