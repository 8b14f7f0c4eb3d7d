/* Computing with libm, tables and text. Each result is checked. */
#define _GNU_SOURCE
#include "job.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS		100	/* of the largest system of equations */
#define NUMBERS		10000	/* to sort */
#define SIEVE		100000
#define PRIMES		9592	/* below SIEVE */

/* From -10 to 10, never 0. */
static double value(void)
{
	return (job_random() % 20001 - 10000.0 + 0.5) / 1000;
}

static int near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(a) + fabs(b));
}

/* One linear system each, of 5, 10 … 100 rows, by Gauss's elimination. */
static int array_rtns(long systems)
{
	static double a[ROWS][ROWS + 1], was[ROWS][ROWS + 1], x[ROWS];
	long n;
	int i, j, k;

	for (n = 0; n < systems; n++) {
		int rows = (n % (ROWS / 5) + 1) * 5;

		for (i = 0; i < rows; i++)
			for (j = 0; j <= rows; j++)
				a[i][j] = was[i][j] = value() + (i == j ? 1000 : 0);
		for (i = 0; i < rows; i++)
			for (k = i + 1; k < rows; k++) {
				double by = a[k][i] / a[i][i];

				for (j = i; j <= rows; j++)
					a[k][j] -= by * a[i][j];
			}
		for (i = rows - 1; i >= 0; i--) {
			x[i] = a[i][rows];
			for (j = i + 1; j < rows; j++)
				x[i] -= a[i][j] * x[j];
			x[i] /= a[i][i];
		}
		for (i = 0; i < rows; i++) {
			double sum = 0;

			for (j = 0; j < rows; j++)
				sum += was[i][j] * x[j];
			if (!near(sum, was[i][rows]))
				return job_wrong("a wrong solution");
		}
	}
	return 0;
}

/* Points turned by a matrix; its inverse brings them back. */
static int matrix_rtns(long points)
{
	long n;
	int i, j;

	for (n = 0; n < points; n++) {
		double angle = value(), from[4], to[4] = { 0 }, back[4] = { 0 };
		double turn[4][4] = {
			{ cos(angle), -sin(angle), 0, 0 }, { sin(angle), cos(angle), 0, 0 },
			{ 0, 0, 1, 0 }, { 0, 0, 0, 1 },
		};

		for (i = 0; i < 4; i++)
			from[i] = value();
		for (i = 0; i < 4; i++)
			for (j = 0; j < 4; j++)
				to[i] += turn[i][j] * from[j];
		for (i = 0; i < 4; i++)
			for (j = 0; j < 4; j++)
				back[i] += turn[j][i] * to[j];
		for (i = 0; i < 4; i++)
			if (!near(from[i], back[i]))
				return job_wrong("a wrong product");
	}
	return 0;
}

/* Zeros of 1000 sin(x) cos(x), by Newton's method. */
static int new_raph(long zeros)
{
	long n;

	for (n = 0; n < zeros; n++) {
		double x = 0.05 * n, step = 1;
		int tries;

		for (tries = 0; tries < 100 && fabs(step) > 1e-12; tries++) {
			step = 1000 * sin(x) * cos(x) / (1000 * cos(2 * x));
			x -= step;
		}
		if (fabs(sin(x) * cos(x)) > 1e-9)
			return job_wrong("a wrong zero");
	}
	return 0;
}

/* exp, log, pow and their kin, each beside its inverse. */
static int num_rtns_1(long times)
{
	long n;

	for (n = 0; n < times; n++) {
		double x = value(), y = fabs(value()) + 0.1, whole, part, half;
		int power;

		part = modf(x, &whole);
		half = frexp(x, &power);
		if (!near(log(exp(x)), x) || !near(pow(10, log10(y)), y) ||
		    !near(sqrt(y) * sqrt(y), y) || !near(ldexp(half, power), x) ||
		    !near(whole + part, x) || floor(x) > ceil(x) || fabs(fmod(x, y)) >= y ||
		    !near(pow(y, 3), y * y * y))
			return job_wrong("a wrong number");
	}
	return 0;
}

/* sin as its series, until a term adds nothing. */
static int series_1(long times)
{
	long n;

	for (n = 0; n < times; n++) {
		double x = value() / 4, term = x, sum = 0, old = 1, i = 1;

		while (sum != old) {
			old = sum;
			sum += term;
			term *= -x * x / ((i + 1) * (i + 2));
			i += 2;
		}
		if (!near(sum, sin(x)))
			return job_wrong("a wrong sum");
	}
	return 0;
}

static int trig_rtns(long times)
{
	long n;

	for (n = 0; n < times; n++) {
		double x = value(), y = value() / 8;

		if (!near(sin(asin(sin(x))), sin(x)) || !near(cos(acos(cos(x))), cos(x)) ||
		    !near(tan(atan(x)), x) || !near(atan2(sin(y), cos(y)), y) ||
		    !near(cosh(y) * cosh(y) - sinh(y) * sinh(y), 1) || !near(tanh(y), sinh(y) / cosh(y)))
			return job_wrong("a wrong angle");
	}
	return 0;
}

/* The primes below SIEVE. */
static int sieve(long times)
{
	static char composite[SIEVE];
	long n;
	int i, j;

	for (n = 0; n < times; n++) {
		int primes = 0;

		memset(composite, 0, sizeof(composite));
		for (i = 2; i < SIEVE; i++) {
			if (composite[i])
				continue;
			primes++;
			for (j = 2 * i; j < SIEVE; j += i)
				composite[j] = 1;
		}
		if (primes != PRIMES)
			return job_wrong("another number of primes");
	}
	return 0;
}

static int rising(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int falling(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

/* In turn: sorted up, down, up again, and searched. */
static int sort_rtns_1(long times)
{
	static int table[NUMBERS];
	long n;
	int i, found = 0;

	for (i = 0; i < NUMBERS; i++)
		table[i] = (i * 7919) % NUMBERS;
	for (n = 0; n < times; n++) {
		if (n % 4 < 3) {
			qsort(table, NUMBERS, sizeof(*table), n % 4 == 1 ? falling : rising);
			if (table[n % 4 == 1 ? NUMBERS - 1 : 0])
				return job_wrong("a wrong order");
			continue;
		}
		for (found = 0, i = 0; i < 2 * NUMBERS; i += 10)
			found += !!bsearch(&i, table, NUMBERS, sizeof(*table), rising);
		if (found != NUMBERS / 10)
			return job_wrong("a number is not found");
	}
	return 0;
}

/* Numbers to text and back, characters by class, strings searched, compared and put together. */
static int string_rtns(long times)
{
	static char text[256], word[64];
	long n;
	int i;

	for (n = 0; n < times; n++) {
		int letters = 0, others = 0;

		snprintf(word, sizeof(word), "%ld %ld.5", n, n);
		if (atol(word) != n || strtod(strchr(word, ' '), NULL) != n + 0.5)
			return job_wrong("a wrong number");
		strcpy(text, "What is your NAME? 0123456789 .,;:!");
		for (i = 0; text[i]; i++) {
			letters += !!isalpha(text[i]);
			others += isdigit(text[i]) || isspace(text[i]) || ispunct(text[i]);
		}
		if (letters != 14 || letters + others != (int)strlen(text))
			return job_wrong("a wrong class of characters");
		text[0] = '\0';
		while (strlen(text) + strlen(word) < sizeof(text) - 1)
			strcat(text, word);
		if (strncmp(text, word, strlen(word)) || strstr(text, word) != text ||
		    strrchr(text, '.') < strchr(text, '.') || strspn(text, "0123456789 .") != strlen(text))
			return job_wrong("a wrong string");
	}
	return 0;
}

const struct job number_jobs[] = {
	{ "array_rtns", array_rtns }, { "matrix_rtns", matrix_rtns }, { "new_raph", new_raph },
	{ "num_rtns_1", num_rtns_1 }, { "series_1", series_1 }, { "trig_rtns", trig_rtns },
	{ "sieve", sieve }, { "sort_rtns_1", sort_rtns_1 }, { "string_rtns", string_rtns },
	{ NULL, NULL },
};
