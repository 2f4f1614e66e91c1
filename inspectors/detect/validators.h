/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_VALIDATORS_H
#define SLUSS_VALIDATORS_H

/**
 * @file
 * Validators: from the end of a candidate to readings of it.
 *
 * A validator is called with a view of the folded text and the offset at which
 * a candidate ended. It parses backwards from there (or forwards, for types
 * that a key word announces), checks boundaries, dates and checksums, and adds
 * what it read. It says which confidence each kind of context gives; looking
 * for the context, and dropping what has been reported, is text_scan.c's work.
 */

#include "inspectors/bytes.h"
#include "inspectors/detect/detect.h"

enum {
	VIEW_BEFORE = 256, /* bytes of folded text before a candidate's end in the view */
	VIEW_AFTER = 192,  /* bytes behind it, fewer only where the text ends */
	READINGS_MAX = 16,
	NORMALISED_MAX = 48,
	CONTEXT_BEFORE = 64, /* characters, where a validator says nothing else */
	CONTEXT_AFTER = 32,
};

struct view {
	struct bytes text;
	bool cut; /* there is text before it that isn't shown */
	struct civil_date today;
};

enum context { CONTEXT_NEGATIVE, CONTEXT_NONE, CONTEXT_POSITIVE, CONTEXTS };

struct reading {
	uint16_t begin, end;     /* in the view */
	uint8_t level[CONTEXTS]; /* enum confidence for each kind of context */
	uint8_t before, after;   /* characters that are searched for context */
	uint8_t n;
	uint8_t normalised[NORMALISED_MAX];
};

struct readings {
	struct reading at[READINGS_MAX];
	unsigned n;
};

typedef void validate_fn(const struct view *v, size_t end, struct readings *out);

/* Who wins where several detectors read the same digits (text_scan.c). */
enum precedence { SWEDISH = 1, DANISH };

struct validator {
	const char *name;
	validate_fn *validate;
	/* Canonical names that `normalised` may hold, for marks; NULL-terminated or NULL. */
	const char *const *marks;
	/* A candidate ends where the identifier ends: one that a letter or a digit
	 * follows needn't be looked at. */
	bool ends;
	/* Bit n: the identifier may end with a run of exactly n digits (31: or more).
	 * Most candidates are sorted out by that. 0: it says nothing. */
	uint32_t digits;
	enum precedence precedence; /* 0: takes no part */
	bool label;                 /* `normalised` names no person, and is its own mask */
};

/** NULL where there is none of that name. */
const struct validator *validator_find(const char *name);

/* ---- for validators ---- */

/** What context does to a reading. */
struct levels {
	enum confidence negative, none, positive;
};

/**
 * Add a reading of text[begin, end), normalised to @p norm (n bytes).
 * @return it, to change its context windows; NULL where there is no room
 */
struct reading *readings_add(struct readings *out, size_t begin, size_t end, struct levels levels,
	const void *norm, size_t n);

/* Each family has its file. */
validate_fn personnummer_validate, samordningsnummer_validate,
	interimsnummer_validate; /* swedish.c */
validate_fn nrid_validate, reserv_vgr_validate, reserv_vgr_grid_validate, reserv_sll_validate,
	reserv_carelink_validate, reserv_letters_validate, reserv_orebro_validate,
	reserv_vnorr_validate, reserv_gavleborg_validate;    /* reserve.c */
validate_fn orgnr_validate, hsaid_validate, vat_se_validate; /* organisation.c */
validate_fn card_validate, iban_se_validate, bankgiro_validate, plusgiro_validate; /* money.c */
validate_fn fnr_no_validate, dnr_no_validate, hnr_no_validate, fh_no_validate,
	fnr_no_synthetic_validate, cpr_dk_validate, ecpr_dk_validate, hetu_fi_validate,
	kennitala_is_validate; /* nordic.c */
validate_fn lma_validate, passport_se_validate, mrz_se_validate, ehic_validate,
	forskrivarkod_validate;                                         /* documents.c */
validate_fn icd10se_validate, atc_validate, kva_validate, npu_validate; /* clinical.c */
validate_fn tlp_validate, klassa_validate, secrecy_validate, msip_validate,
	sensitivity_validate; /* marks.c */
validate_fn literal_validate; /* literal.c */
extern const char *const tlp_marks[], *const klassa_marks[], *const secrecy_marks[],
								     *const sensitivity_marks[];

#endif
