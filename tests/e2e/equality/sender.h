/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_EQUALITY_SENDER_H
#define SLUSS_TEST_EQUALITY_SENDER_H

/**
 * @file
 * A TCP sender that is played by hand, and can write any segment.
 */

#include "tests/e2e/equality/lab.h"

enum { MESSAGE_MAX = 12000, LATER_MAX = 6 };

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80
};

/* How a whole case is sent. */
enum habit {
	HABIT_REORDER = 1,
	HABIT_DOUBLE = 2,
	HABIT_FRAGMENT = 4,
	HABIT_SLOW_READER = 8,
	HABIT_TALKING_READER = 16,
	HABIT_AGAIN = 32, /* a second connection on the same ports */
	HABITS = 64
};

/** Of the published series for tests (specs/test_numbers.csv). */
#define SENDER_NUMBER " 19760102-2382 "

struct sender {
	struct lab *lab;
	struct frame_ends ends;
	bool answers; /* the kernel connects, and this is the server */
	bool say;
	unsigned habits;
	uint32_t isn; /* its first sequence number; byte i of the stream has isn + 1 + i */
	uint32_t una; /* acknowledged up to here, as far as it heard */
	uint32_t asked; /* the acknowledgement that it heard last, of whatever connection */
	uint32_t peer; /* the kernel's next byte */
	uint32_t window;
	uint8_t scale;
	bool called;	  /* a SYN of the kernel was heard */
	bool established; /* both SYNs were heard */
	bool reset;	  /* an RST was heard */
	bool has_reset;	  /* an RST was sent, anywhere */
	bool no_habits;	  /* from now on it is honest */
	bool stamps;	  /* time stamps are used */
	uint32_t stamp, echo;
	uint16_t id;
	bool violates;	/* the message holds a number that mustn't leave */
	uint32_t n, at; /* length of the message; what was sent in order at first */
	uint8_t message[MESSAGE_MAX];
	struct frame later[LATER_MAX]; /* held back, to come out of order */
	unsigned n_later;
};

/* A segment to be written. */
struct shape {
	uint32_t seq, ack;
	uint8_t flags, reserved; /* the latter: bits 0 to 3 of byte 12 */
	uint16_t window, urgent;
	bool stamped, plain_syn, wrong_sum;
	uint32_t stamp;
	uint8_t hops;
	uint8_t options[40];
	uint8_t n_options; /* besides the time stamps; a multiple of 4 */
	int8_t offset_by; /* added to the header's length, in words: a lie */
	uint8_t padding;  /* bytes behind the IP packet, in its frame */
	const uint8_t *payload;
	size_t n;
};

void sender_init(struct sender *s, struct lab *lab);

/** Another message, and first number @p isn. */
void sender_restart(struct sender *s, uint32_t isn);

/** [at, at + n) of the message, as an honest sender would write it. */
struct shape sender_range(const struct sender *s, uint32_t at, uint32_t n);
/** An acknowledgement alone. */
struct shape sender_ack(const struct sender *s);
/** With the options of a SYN. */
struct shape sender_syn(struct sender *s);

/** Out it goes, by the case's habits. */
void sender_send(struct sender *s, const struct shape *shape);
/** Just so. */
void sender_send_now(struct sender *s, const struct shape *shape);
/** What was held back. */
void sender_flush(struct sender *s);

#endif
