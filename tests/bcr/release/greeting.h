#ifndef GREETING_H_
#define GREETING_H_

/* What stands for a prebuilt library: its archive is this one file. */
static const char *greeting(void) { return "hello from a verified file"; }

#endif /* GREETING_H_ */
