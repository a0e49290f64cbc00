package main

import "bench/benchv1"

func money(units int64, nanos int32) *benchv1.Money {
	return &benchv1.Money{Currency: "EUR", Units: units, Nanos: nanos}
}

func item(sku, title string, quantity uint32, units int64, gift bool) *benchv1.Item {
	return &benchv1.Item{Sku: sku, Title: title, Quantity: quantity, Price: money(units, 990_000_000), Gift: gift}
}

// order is the order that the Rust clients send.
func order() *benchv1.Order {
	return &benchv1.Order{
		Id:              "7b0c6a52-94f1-4d0e-a3c8-5f6be1d2907e",
		CustomerId:      8_812_734_551,
		ShopId:          40_217,
		Status:          benchv1.OrderStatus_ORDER_STATUS_PAID,
		CreatedAt:       &benchv1.Moment{Seconds: 1_764_045_301, Nanos: 731_209_000},
		UpdatedAt:       &benchv1.Moment{Seconds: 1_764_045_377, Nanos: 731_209_000},
		Total:           money(486, 250_000_000),
		Tax:             money(77, 640_000_000),
		Shipping:        money(4, 900_000_000),
		DiscountPercent: 7.5,
		CustomerName:    "Wilhelmina van der Meer",
		Email:           "w.vandermeer@mail.example",
		Phone:           "+31 20 555 01 42",
		Street:          "Lange Leidsedwarsstraat 117-II",
		City:            "Amsterdam",
		Country:         "NL",
		Items: []*benchv1.Item{
			item("BK-20931", "Desk lamp, brass", 1, 89, true),
			item("BK-77120", "Fountain pen, fine nib", 2, 54, false),
			item("BK-10044", "Ink bottle 50 ml, blue", 3, 12, false),
			item("BK-55310", "Notebook A5, dotted", 5, 17, false),
			item("BK-90017", "Leather case, cognac", 1, 139, true),
		},
		Labels:  map[string]string{"channel": "web", "campaign": "autumn-2"},
		Note:    "Please ring twice, the bell is quiet.",
		Express: true,
	}
}
