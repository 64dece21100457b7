"""Clicks on referral links, and the opaque cookie that remembers the first one."""


def middleware(get_response):
    return get_response
