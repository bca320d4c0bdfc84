"""A stock SOAP client uses the payment service from its description alone, and prints what it was told as JSON.

Takes the service's address. Nothing of it knows more than what `/?wsdl` says.
"""

import json
import sys
from decimal import Decimal

from zeep import Client, Settings
from zeep.exceptions import Fault

client = Client(f"http://{sys.argv[1]}/?wsdl", settings=Settings(strict=True))
service = client.service
told = {"operations": sorted(service._binding._operations)}


def charge(key, number="4111111111111111", amount="12.50"):
    return dict(
        card_holder_name="Zoë <& Co>",
        card_number=number,
        expiration_date="04/39",
        security_code="123",
        amount=Decimal(amount),
        idempotency_key=key,
    )


def fault(call, **arguments):
    try:
        call(**arguments)
    except Fault as error:
        detail = {child.tag.split("}")[1]: child.text for child in error.detail[0]}
        return [error.code, detail["code"], detail.get("field")]
    raise SystemExit(f"no fault: {call}")


paid = service.ProcessTransaction(**charge("paid"))
again = service.ProcessTransaction(**charge("paid"))
told["paid"] = [paid.result, paid.state, paid.reason, str(paid.amount), paid.idempotency_key]
told["again"] = [again.result, again.state, again.reason, str(again.amount), again.idempotency_key]

held = service.Authorize(**charge("held", amount="0.07"))
told["held"] = [held.result, held.state, str(held.amount)]
told["open"] = [
    [one.idempotency_key, str(one.amount)] for one in service.ListOpen(older_than_seconds=0).authorization
]
captured = service.Capture(idempotency_key="held")
told["captured"] = [captured.state, str(captured.amount)]
told["barred"] = service.Void(idempotency_key="never").state
told["looked up"] = service.Lookup(idempotency_key="held").state
told["unknown"] = service.Lookup(idempotency_key="nobody").state

told["faults"] = [
    fault(service.ProcessTransaction, **charge("bad", number="4111111111111112")),
    fault(service.ProcessTransaction, **charge("paid", amount="12.51")),
    fault(service.ProcessTransaction, **charge("never")),
    fault(service.Void, idempotency_key="held"),
    fault(service.Capture, idempotency_key="nobody"),
]
json.dump(told, sys.stdout)
