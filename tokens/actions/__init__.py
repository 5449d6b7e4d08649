"""What people do with tokens: create, revoke."""

from tokens.actions.create import CreatedToken, create_token
from tokens.actions.revoke import revoke_all_tokens, revoke_token

__all__ = ["CreatedToken", "create_token", "revoke_all_tokens", "revoke_token"]
