/*
 * Arithmetic: add_*, mul_*, div_*. The operands are volatile, so that the
 * compiler neither folds nor leaves out an operation; each loop brings the
 * values back to where they were, and the end checks that it did.
 */
#include "job.h"

#define LOOP(loops, operations)							\
	do {									\
		long left;							\
										\
		for (left = loops; left > 0; left--) {				\
			operations						\
		}								\
	} while (0)

/* 12 additions a loop. a and b are 0 after each. */
#define ADD(name, type)								\
static int add_##name(long loops)						\
{										\
	volatile type x = 3, y = (type)-3;					\
	type a = 0, b = 0, most = 0;						\
										\
	LOOP(loops,								\
		a += x; b += y; a += x; b += y; a += x; b += y;			\
		most = a;							\
		a += y; b += x; a += y; b += x; a += y; b += x;);		\
	return a == 0 && b == 0 && most == 9 ? 0 : job_wrong("a wrong sum");	\
}

/* 12 multiplications a loop, by x and by its inverse: a and b are 1 after each. */
#define MUL(name, type, factor, inverse)					\
static int mul_##name(long loops)						\
{										\
	volatile type x = factor, y = (type)(inverse);				\
	type a = 1, b = 1, most = 0;						\
										\
	LOOP(loops,								\
		a *= x; b *= y; a *= x; b *= y; a *= x; b *= y;			\
		most = a;							\
		a *= y; b *= x; a *= y; b *= x; a *= y; b *= x;);		\
	return a == 1 && b == 1 && most == factor * factor * factor ? 0		\
		: job_wrong("a wrong product");					\
}

/* 6 divisions a loop, of the same number down to 1. */
#define DIV(name, type)								\
static int div_##name(long loops)						\
{										\
	volatile type x = 3, whole = 729;					\
	type a = 1;								\
										\
	LOOP(loops,								\
		a = whole; a /= x; a /= x; a /= x; a /= x; a /= x; a /= x;);	\
	return a == 1 ? 0 : job_wrong("a wrong quotient");			\
}

ADD(double, double)
ADD(float, float)
ADD(long, unsigned long)
ADD(int, unsigned int)
ADD(short, unsigned short)
MUL(double, double, 2, 0.5)
MUL(float, float, 2, 0.5)
MUL(long, unsigned long, 3, 0xaaaaaaaaaaaaaaabUL)	/* 3 * it is 1, modulo 2^64 */
MUL(int, unsigned int, 3, 0xaaaaaaabU)
MUL(short, unsigned short, 3, 0xaaabU)
DIV(double, double)
DIV(float, float)
DIV(long, long)
DIV(int, int)
DIV(short, short)

const struct job compute_jobs[] = {
	{ "add_double", add_double }, { "add_float", add_float }, { "add_long", add_long },
	{ "add_int", add_int }, { "add_short", add_short },
	{ "mul_double", mul_double }, { "mul_float", mul_float }, { "mul_long", mul_long },
	{ "mul_int", mul_int }, { "mul_short", mul_short },
	{ "div_double", div_double }, { "div_float", div_float }, { "div_long", div_long },
	{ "div_int", div_int }, { "div_short", div_short },
	{ NULL, NULL },
};
