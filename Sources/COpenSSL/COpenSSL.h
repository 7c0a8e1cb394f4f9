// OpenSSL 3, and functions for those of its calls that are macros, which Swift doesn't import.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline long bowline_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
static inline long bowline_SSL_CTX_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline long bowline_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline long bowline_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}
static inline void bowline_BIO_want_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void bowline_BIO_want_nothing(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline int bowline_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline const GENERAL_NAME *bowline_names_at(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}
static inline int bowline_certificates_count(const STACK_OF(X509) *certificates) { return sk_X509_num(certificates); }
static inline int bowline_name_kind(const GENERAL_NAME *name) { return name->type; }
/* The text of a DNS name or the octets of an address; null for other kinds. */
static inline const ASN1_STRING *bowline_name_value(const GENERAL_NAME *name) {
    switch (name->type) {
    case GEN_DNS: return name->d.dNSName;
    case GEN_IPADD: return name->d.iPAddress;
    default: return NULL;
    }
}
/* No renegotiation by the peer, no compression (CRIME), and an end without close_notify is never taken for one. */
static inline void bowline_SSL_CTX_set_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
}
