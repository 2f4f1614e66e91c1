/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/digest.h"

#include <openssl/evp.h>

enum { SHA1_BYTES = 20 };

struct sha256
sha256_begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return (struct sha256){
		ctx, ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1};
}

void
sha256_add(struct sha256 *s, const void *p, size_t n)
{
	s->failed = s->failed || EVP_DigestUpdate(s->context, p, n) != 1;
}

bool
sha256_end(struct sha256 *s, uint8_t ret[SHA256_BYTES])
{
	s->failed = s->failed || EVP_DigestFinal_ex(s->context, ret, NULL) != 1;
	EVP_MD_CTX_free(s->context);
	s->context = NULL;
	return !s->failed;
}

bool
sha1_base64(const void *p, size_t n, char ret[SHA1_BASE64_SIZE])
{
	uint8_t sha1[SHA1_BYTES];

	if (EVP_Digest(p, n, sha1, NULL, EVP_sha1(), NULL) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)ret, sha1, SHA1_BYTES);
	return true;
}
