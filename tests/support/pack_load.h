/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_PACK_LOAD_H
#define SLUSS_TEST_PACK_LOAD_H

/**
 * @file
 * The shipped packs as a struct detect_spec, for tests of inspectors/detect/
 * that must not depend on the policy loader. Aborts on anything it doesn't
 * understand: a test with half a pack proves nothing.
 */

#include "inspectors/detect/detect.h"

struct pack_load;

/** Load DIR/NAME.yaml for each name (NULL-terminated), and the packs they need. */
struct pack_load *pack_load(const char *dir, const char *const *names);
/** What was loaded, for detect_set_compile(); valid as long as @p p. */
const struct detect_spec *pack_load_spec(const struct pack_load *p);
void pack_load_free(struct pack_load *p);

/** All shipped packs, compiled; what `slussctl scan` uses without a policy. */
struct detect_set *pack_load_all(const char *dir);

#endif
