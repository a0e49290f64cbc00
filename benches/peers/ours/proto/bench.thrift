namespace rs bench

// The messages of bench.proto for the thrift rows.

struct Ask {
    1: required binary payload,
    2: required i32 wait_us,
    3: required i32 spin_us,
}

struct Answer {
    1: required binary payload,
}

struct Money {
    1: required string currency,
    2: required i64 units,
    3: required i32 nanos,
}

struct Moment {
    1: required i64 seconds,
    2: required i32 nanos,
}

struct Item {
    1: required string sku,
    2: required string title,
    3: required i32 quantity,
    4: required Money price,
    5: required bool gift,
}

struct Order {
    1: required string id,
    2: required i64 customer_id,
    3: required i64 shop_id,
    4: required i32 status,
    5: required Moment created_at,
    6: required Moment updated_at,
    7: required Money total,
    8: required Money tax,
    9: required Money shipping,
    10: required double discount_percent,
    11: required string customer_name,
    12: required string email,
    13: required string phone,
    14: required string street,
    15: required string city,
    16: required string country,
    17: required list<Item> items,
    18: required map<string, string> labels,
    19: required string note,
    20: required bool express,
}

service Bench {
    Answer Echo(1: Ask ask),
    Order Place(1: Order order),
}
