"""The interface of accounts for other domains.

Functions work in the caller's session and never commit. The exceptions are `sign_in` and `change_password`, which
hash between short transactions of their own.
"""

from daybook.accounts.service.codes import (
    CodeGrant,
    NewCode,
    create_code,
    create_own_code,
    find_code,
    get_code,
    list_codes,
    revoke_code,
    revoke_own_code,
    update_code,
)
from daybook.accounts.service.first_run import FirstRun, first_run
from daybook.accounts.service.groups import (
    DEFAULT_GROUP,
    create_group,
    get_group,
    get_group_by_name,
    group_names,
    list_groups,
    update_group,
)
from daybook.accounts.service.sign_in import (
    NewSignIn,
    SignedIn,
    change_password,
    extend_sign_in,
    find_sign_in,
    sign_in,
    sign_out,
)
from daybook.accounts.service.users import (
    NewUser,
    account_names,
    create_user,
    get_user,
    get_user_by_account,
    list_users,
    set_password,
    update_user,
)

__all__ = [
    "DEFAULT_GROUP",
    "CodeGrant",
    "FirstRun",
    "NewCode",
    "NewSignIn",
    "NewUser",
    "SignedIn",
    "account_names",
    "change_password",
    "create_code",
    "create_group",
    "create_own_code",
    "create_user",
    "extend_sign_in",
    "find_code",
    "find_sign_in",
    "first_run",
    "get_code",
    "get_group",
    "get_group_by_name",
    "get_user",
    "get_user_by_account",
    "group_names",
    "list_codes",
    "list_groups",
    "list_users",
    "revoke_code",
    "revoke_own_code",
    "set_password",
    "sign_in",
    "sign_out",
    "update_code",
    "update_group",
    "update_user",
]
