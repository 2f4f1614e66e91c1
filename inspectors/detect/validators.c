/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/validators.h"

#define RUN(n) (UINT32_C(1) << (n))
#define RUNS(from, to) ((UINT32_C(2) << (to)) - RUN(from))

/* What packs name. */
static const struct validator validators[] = {
	{"personnummer", personnummer_validate, .ends = true,
		.digits = RUN(0) | RUN(2) | RUN(4) | RUN(6) | RUN(10) | RUN(12),
		.precedence = SWEDISH},
	{"samordningsnummer", samordningsnummer_validate, .ends = true,
		.digits = RUN(0) | RUN(2) | RUN(4) | RUN(6) | RUN(10) | RUN(12),
		.precedence = SWEDISH},
	{"interimsnummer", interimsnummer_validate, .ends = true, .digits = RUN(3)},
	{"nrid", nrid_validate, .ends = true, .digits = RUN(1) | RUN(2)},
	{"reserv_vgr", reserv_vgr_validate, .ends = true, .digits = RUN(3)},
	{"reserv_vgr_grid", reserv_vgr_grid_validate, .ends = true, .digits = RUN(3)},
	{"reserv_sll", reserv_sll_validate, .ends = true, .digits = RUN(12)},
	{"reserv_carelink", reserv_carelink_validate, .ends = true, .digits = RUN(4) | RUN(12)},
	{"reserv_letters", reserv_letters_validate, .ends = true, .digits = RUN(0) | RUN(2)},
	{"reserv_orebro", reserv_orebro_validate, .ends = true, .digits = RUN(0) | RUN(2) | RUN(3)},
	{"reserv_vnorr", reserv_vnorr_validate, .ends = true, .digits = RUN(0)},
	{"reserv_gavleborg", reserv_gavleborg_validate, .ends = true, .digits = RUN(1)},
	{"orgnr", orgnr_validate, .ends = true, .digits = RUN(4) | RUN(10) | RUN(12)},
	{"vat_se", vat_se_validate, .ends = true, .digits = RUN(2) | RUN(6) | RUN(12)},
	{"card", card_validate, .ends = true, .digits = RUN(3) | RUN(4) | RUN(5) | RUNS(13, 19)},
	{"iban_se", iban_se_validate, .ends = true, .digits = RUN(4) | RUN(22)},
	{"bankgiro", bankgiro_validate, .ends = true, .digits = RUN(4) | RUN(7) | RUN(8)},
	{"plusgiro", plusgiro_validate},
	{"fnr_no", fnr_no_validate, .ends = true, .digits = RUN(5) | RUN(11)},
	{"dnr_no", dnr_no_validate, .ends = true, .digits = RUN(5) | RUN(11)},
	{"hnr_no", hnr_no_validate, .ends = true, .digits = RUN(5) | RUN(11)},
	{"fh_no", fh_no_validate, .ends = true, .digits = RUN(5) | RUN(11)},
	{"fnr_no_synthetic", fnr_no_synthetic_validate, .ends = true, .digits = RUN(5) | RUN(11)},
	{"cpr_dk", cpr_dk_validate, .ends = true, .digits = RUN(4) | RUN(10), .precedence = DANISH},
	{"ecpr_dk", ecpr_dk_validate, .ends = true, .digits = RUN(1)},
	{"hetu_fi", hetu_fi_validate, .ends = true, .digits = RUN(0) | RUN(4)},
	{"kennitala_is", kennitala_is_validate, .ends = true, .digits = RUN(4) | RUN(10)},
	{"lma", lma_validate, .ends = true, .digits = RUN(6)},
	{"passport_se", passport_se_validate, .ends = true, .digits = RUN(7) | RUN(8)},
	{"ehic", ehic_validate, .ends = true},
	{"forskrivarkod", forskrivarkod_validate, .ends = true, .digits = RUN(7)},
	{"atc", atc_validate, .ends = true, .digits = RUN(2)},
	{"npu", npu_validate, .ends = true, .digits = RUN(5)},
	{"hsaid", hsaid_validate},
	{"mrz_se", mrz_se_validate},
	{"icd10se", icd10se_validate},
	{"kva", kva_validate},
	{"tlp", tlp_validate, .marks = tlp_marks},
	{"klassa", klassa_validate, .marks = klassa_marks},
	{"secrecy", secrecy_validate, .marks = secrecy_marks},
	{"msip", msip_validate, .label = true},
	{"sensitivity", sensitivity_validate, .marks = sensitivity_marks},
	{"literal", literal_validate},
};

const struct validator *
validator_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(validators); i++)
		if (strcmp(validators[i].name, name) == 0)
			return &validators[i];
	return NULL;
}

struct reading *
readings_add(struct readings *out, size_t begin, size_t end, struct levels levels, const void *norm,
	size_t n)
{
	struct reading *r = &out->at[out->n];

	if (out->n == READINGS_MAX || n > NORMALISED_MAX)
		return NULL;
	out->n++;
	*r = (struct reading){.begin = (uint16_t)begin,
		.end = (uint16_t)end,
		.level = {levels.negative, levels.none, levels.positive},
		.before = CONTEXT_BEFORE,
		.after = CONTEXT_AFTER,
		.n = (uint8_t)n};
	memcpy(r->normalised, norm, n);
	return r;
}
