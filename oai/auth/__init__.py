"""Workload identities, for `OpenAI(workload_identity=...)`, by the official SDK's names."""

from typing import TYPE_CHECKING

from oai._auth.identities import WorkloadIdentityAuth as WorkloadIdentityAuth
from oai._auth.subject_tokens import SubjectTokenProvider as SubjectTokenProvider
from oai._auth.subject_tokens import SubjectTokenWorkloadIdentity as SubjectTokenWorkloadIdentity
from oai._auth.subject_tokens import WorkloadIdentity as WorkloadIdentity
from oai._auth.subject_tokens import X509WorkloadIdentity as X509WorkloadIdentity
from oai._auth.subject_tokens import azure_managed_identity_token_provider as azure_managed_identity_token_provider
from oai._auth.subject_tokens import gcp_id_token_provider as gcp_id_token_provider
from oai._auth.subject_tokens import k8s_service_account_token_provider as k8s_service_account_token_provider
from oai._auth.subject_tokens import x509_workload_identity as x509_workload_identity

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here
    from oai._support.official_modules import attach_package

    __getattr__, __dir__ = attach_package(__name__)

__all__ = [
    "SubjectTokenProvider",
    "SubjectTokenWorkloadIdentity",
    "WorkloadIdentity",
    "WorkloadIdentityAuth",
    "X509WorkloadIdentity",
    "azure_managed_identity_token_provider",
    "gcp_id_token_provider",
    "k8s_service_account_token_provider",
    "x509_workload_identity",
]
