/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/pseudonym.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { SHA256_SIZE = 32 };

struct pseudonym {
	EVP_MAC_CTX *keyed; /* never updated, only copied */
};

static EVP_MAC_CTX *
keyed_context(const uint8_t *key, size_t n)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	if (ctx != NULL && EVP_MAC_init(ctx, key, n, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

struct pseudonym *
pseudonym_new(const uint8_t *key, size_t n)
{
	struct pseudonym *p;

	if (n == 0)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->keyed = keyed_context(key, n);
	if (p->keyed == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
pseudonym_free(struct pseudonym *p)
{
	if (p == NULL)
		return;
	EVP_MAC_CTX_free(p->keyed);
	free(p);
}

void
pseudonym_of(const struct pseudonym *p, const char *detector_id, struct bytes normalised,
	uint8_t ret[PSEUDONYM_SIZE])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(p->keyed);
	uint8_t full[SHA256_SIZE];
	size_t n = 0;

	if (ctx != NULL &&
		EVP_MAC_update(ctx, (const uint8_t *)detector_id, strlen(detector_id) + 1) == 1 &&
		EVP_MAC_update(ctx, normalised.p, normalised.n) == 1 &&
		EVP_MAC_final(ctx, full, &n, sizeof(full)) == 1 && n == sizeof(full))
		memcpy(ret, full, PSEUDONYM_SIZE);
	else
		memset(ret, 0, PSEUDONYM_SIZE);
	OPENSSL_cleanse(full, sizeof(full));
	EVP_MAC_CTX_free(ctx);
}
