/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/site.h"

static int
missing(const char *name, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s needs a value; see `sluss --help`", name);
	return -1;
}

static int
set_workers(struct options *o, const char *value, char *why, size_t why_size)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || *value == '\0' || *end != '\0' || n < 1 || n > SITE_WORKERS_MAX) {
		snprintf(why, why_size, "--workers %s: a number from 1 to %d is right", value,
			SITE_WORKERS_MAX);
		return -1;
	}
	o->workers = (unsigned)n;
	return 0;
}

static int
set_checksums(struct options *o, const char *value, char *why, size_t why_size)
{
	if (strcmp(value, "verify") == 0)
		o->checksums = CHECKSUMS_VERIFY;
	else if (strcmp(value, "ignore") == 0)
		o->checksums = CHECKSUMS_IGNORE;
	else {
		snprintf(why, why_size, "--checksums %s: `verify` or `ignore` is right", value);
		return -1;
	}
	return 0;
}

static int
set_log(struct options *o, const char *value, char *why, size_t why_size)
{
	if (strcmp(value, "messages") == 0)
		o->log_messages = true;
	else if (strcmp(value, "alerts") != 0) {
		snprintf(why, why_size, "--log %s: `alerts` or `messages` is right", value);
		return -1;
	}
	return 0;
}

/* @return 0; -1 on failure; 1 when @p name is no option with a value */
static int
set_value(struct options *o, const char *name, const char *value, char *why, size_t why_size)
{
	const struct {
		const char *name;
		const char **text;
		int (*set)(struct options *o, const char *value, char *why, size_t why_size);
	} rows[] = {
		{"--config", &o->config, NULL},
		{"--policy", &o->policy, NULL},
		{"--events", &o->events, NULL},
		{"--key", &o->key, NULL},
		{"--eal", &o->eal, NULL},
		{"--log", NULL, set_log},
		{"--workers", NULL, set_workers},
		{"--checksums", NULL, set_checksums},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (value == NULL || *value == '\0')
			return missing(name, why, why_size);
		if (rows[i].set != NULL)
			return rows[i].set(o, value, why, why_size);
		*rows[i].text = value;
		return 0;
	}
	return 1;
}

struct reading {
	int argc, at;
	char **argv;
	bool captures; /* --pcap takes all that follow, up to the next option */
};

/* "--name=value" or "--name value". */
static int
read_option(struct reading *r, struct options *o, char *why, size_t why_size)
{
	char *arg = r->argv[r->at++], *equals = strchr(arg, '=');
	char name[32];
	int set;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, "="), arg);
	r->captures = strcmp(name, "--pcap") == 0;
	if (r->captures) {
		if (equals != NULL)
			o->captures[o->n_captures++] = equals + 1;
		else if (r->at == r->argc || r->argv[r->at][0] == '-')
			if (r->at == r->argc || strcmp(r->argv[r->at], "-") != 0)
				return missing(name, why, why_size);
		return 0;
	}
	if (strcmp(arg, "--quiet") == 0 || strcmp(arg, "-q") == 0) {
		o->quiet = true;
		return 0;
	}
	set = set_value(o, name, equals != NULL ? equals + 1 : r->at < r->argc ? r->argv[r->at] : NULL,
		why, why_size);
	if (set == 1)
		snprintf(why, why_size, "%s is no option; see `sluss --help`", name);
	if (set == 0 && equals == NULL)
		r->at++;
	return set == 0 ? 0 : -1;
}

static int
read_options(struct reading *r, struct options *o, char *why, size_t why_size)
{
	while (r->at < r->argc) {
		char *arg = r->argv[r->at];

		if (arg[0] == '-' && strcmp(arg, "-") != 0) {
			if (read_option(r, o, why, why_size) != 0)
				return -1;
		} else if (r->captures) {
			o->captures[o->n_captures++] = arg;
			r->at++;
		} else {
			snprintf(why, why_size, "`%s` stands alone; captures come after --pcap", arg);
			return -1;
		}
	}
	return 0;
}

/* @return whether the command has what it needs, and nothing that it has no use for */
static bool
options_fit(const struct options *o, char *why, size_t why_size)
{
	if (o->command == COMMAND_WATCH) {
		if (o->n_captures > 0 || o->config != NULL)
			return true;
		snprintf(why, why_size,
			"nothing to watch: give captures with --pcap FILE…, or ports with --config "
			"site.yaml");
	} else if (o->n_captures > 0) {
		snprintf(why, why_size, "run: captures are read by `sluss watch --pcap`");
	} else if (o->checksums != CHECKSUMS_AS_CONFIGURED) {
		snprintf(why, why_size,
			"run: --checksums is for captures; inline, what no receiver takes doesn't pass");
	} else if (o->config == NULL) {
		snprintf(why, why_size,
			"run: name a site configuration with `pairs:` by --config site.yaml");
	} else {
		return true;
	}
	return false;
}

static int
read_command(const char *word, struct options *o, char *why, size_t why_size)
{
	static const struct {
		const char *word;
		enum command command;
	} rows[] = {
		{"watch", COMMAND_WATCH},
		{"run", COMMAND_RUN},
		{"limits", COMMAND_LIMITS},
		{"--print-limits", COMMAND_LIMITS},
		{"help", COMMAND_HELP},
		{"--help", COMMAND_HELP},
		{"-h", COMMAND_HELP},
		{"version", COMMAND_VERSION},
		{"--version", COMMAND_VERSION},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].word, word) == 0) {
			o->command = rows[i].command;
			return 0;
		}
	}
	snprintf(why, why_size, "`%s` is no command; `watch`, `run`, `limits` and `--help` are", word);
	return -1;
}

int
options_parse(int argc, char **argv, struct options *ret, char *why, size_t why_size)
{
	struct reading r = {.argc = argc, .at = 2, .argv = argv};
	struct options o = {0};

	if (argc < 2) {
		snprintf(why, why_size, "no command; see `sluss --help`");
		return -1;
	}
	if (read_command(argv[1], &o, why, why_size) != 0)
		return -1;
	/* Captures are collected at argv's beginning: never more of them than were read. */
	o.captures = (const char **)argv;
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			o.command = COMMAND_HELP;
	if (o.command == COMMAND_WATCH || o.command == COMMAND_RUN)
		if (read_options(&r, &o, why, why_size) != 0 || !options_fit(&o, why, why_size))
			return -1;
	*ret = o;
	return 0;
}

void
options_print_help(FILE *out)
{
	fputs("sluss: a data leakage prevention gateway, version " SLUSS_VERSION "\n"
	      "\n"
	      "  sluss watch --policy POLICY --pcap FILE...\n"
	      "      read captures (pcap, pcapng; `-` is standard input) and say what a\n"
	      "      gateway would have stopped; as an ordinary user\n"
	      "  sluss watch --config SITE [--policy POLICY]\n"
	      "      listen on the ports of a site configuration\n"
	      "  sluss run --config SITE [--policy POLICY]\n"
	      "      stand between the pairs of ports of a site configuration and enforce\n"
	      "  sluss limits\n"
	      "      every limit and choice of the site configuration, with its default\n"
	      "\n"
	      "  --policy FILE         what may pass; without one all packs are sought, and any\n"
	      "                        finding is an alert\n"
	      "  --events FILE         append events to FILE, one JSON object a line;\n"
	      "                        `-` is standard output\n"
	      "  --log WHAT            alerts (default), or messages: an event for every\n"
	      "                        judged message\n"
	      "  --workers N           so many threads that inspect (1 to 64, default 1)\n"
	      "  --checksums WHAT      verify (default), or ignore: for captures taken on the\n"
	      "                        sending host, whose network card made the checksums\n"
	      "  --key FILE            key of the pseudonyms, from `slussctl init`; else the\n"
	      "                        one named by SLUSS_KEY, else /etc/sluss/pseudonym.key,\n"
	      "                        else a random one for this run\n"
	      "  -q, --quiet           no progress, no notices and no summary\n"
	      "  --eal \"OPTIONS\"       further options for DPDK, for experts\n"
	      "\n"
	      "Status: 0 done, 2 usage, configuration or policy wrong, 3 input can't be read,\n"
	      "4 events could not be written, or another failure, 5 ended by its watchdog.\n"
	      "Signals: INT and TERM end in order, with a summary; USR1 prints one; HUP lets\n"
	      "`run` load the policy anew.\n"
	      "More: dataplane/sluss.md, policy/README.md, policy/EVENTS.md, deploy/README.md.\n",
		out);
}
