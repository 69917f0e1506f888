from tests.doubles.oss.faults import Fault, FaultKind, FaultPlan
from tests.doubles.oss.operations import Operation


def strikes(plan: FaultPlan, operation: Operation, times: int, key: str = "k") -> list[bool]:
    return [plan.strike(operation, key) is not None for _ in range(times)]


def plan_of(*faults: Fault) -> FaultPlan:
    plan = FaultPlan()
    for fault in faults:
        plan.add(fault)
    return plan


def test_a_fault_strikes_its_operation_as_often_as_ordered() -> None:
    plan = plan_of(Fault(kind=FaultKind.ERROR, operation=Operation.PUT_PART, skip=1, count=2))

    assert strikes(plan, Operation.HEAD, 2) == [False, False]
    assert strikes(plan, Operation.PUT_PART, 4) == [False, True, True, False]
    assert plan.fired() == {1: 2}


def test_a_fault_without_an_operation_strikes_any() -> None:
    plan = plan_of(Fault(kind=FaultKind.ERROR, count=0))

    assert all(strikes(plan, operation, 1) == [True] for operation in Operation)


def test_a_fault_strikes_the_keys_it_is_for() -> None:
    plan = plan_of(Fault(kind=FaultKind.ERROR, key_prefix="exports/", count=0))

    assert strikes(plan, Operation.PUT, 1, "other") == [False]
    assert strikes(plan, Operation.PUT, 1, "exports/a") == [True]


def test_chance_is_the_same_with_the_same_seed() -> None:
    fault = Fault(kind=FaultKind.ERROR, count=0, probability=0.3, seed=7)

    struck = strikes(plan_of(fault), Operation.PUT, 1000)

    assert struck == strikes(plan_of(fault), Operation.PUT, 1000)
    assert 250 < sum(struck) < 350


def test_the_first_fault_that_fits_strikes_and_the_next_when_it_is_spent() -> None:
    plan = plan_of(Fault(kind=FaultKind.ERROR), Fault(kind=FaultKind.HANG))

    struck = [plan.strike(Operation.PUT, "k") for _ in range(3)]

    assert [fault and fault.kind for fault in struck] == [FaultKind.ERROR, FaultKind.HANG, None]


def test_faults_that_are_taken_back_strike_no_more() -> None:
    plan = plan_of(Fault(kind=FaultKind.ERROR, count=0))
    plan.clear()

    assert strikes(plan, Operation.PUT, 1) == [False]
