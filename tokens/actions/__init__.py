"""What people do with tokens: create, revoke."""

from tokens.actions.create import CreatedToken, create_token
from tokens.actions.revoke import drop_tokens, revoke_all_tokens, revoke_token

__all__ = ["CreatedToken", "create_token", "drop_tokens", "revoke_all_tokens", "revoke_token"]
