"""Tokens for Amazon MSK with IAM. The signer is imported only when it is needed."""

from collections.abc import Callable

from procstream_common.errors import SettingsError


def token_callback(region: str) -> Callable[[str], tuple[str, float]]:
    """The `oauth_cb` of a confluent-kafka client: a signed token and when it expires (seconds since 1970).

    Poll a client with this callback every few minutes, or its token expires.

    Raises:
        SettingsError: the signer is not installed.
    """
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
    except ImportError:
        raise SettingsError(
            "KAFKA_SASL_MECHANISM: found 'AWS_MSK_IAM', which needs the package "
            "aws-msk-iam-sasl-signer-python, expected `pip install 'procstream-common[msk-iam]'`"
        ) from None

    def token(_config: str) -> tuple[str, float]:
        text, expiry_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return text, expiry_ms / 1000

    return token
