"""A double of Alibaba Cloud's OSS that checks signatures and fails on order.

What it does is what OSS's documentation says and its SDKs accept: oss2, the Go SDK v2 and ali-oss
run against it in tests/integration/oss_double. ``running.running_oss_double`` starts it.
"""
