/** `make check`: format, lint, types, unused code, and the tests that need no cluster. Every check runs, also after a failed one. */
import { runChecks, STATIC_CHECKS, UNIT_TESTS } from "./checks.ts";

process.exitCode = (await runChecks(STATIC_CHECKS, [UNIT_TESTS])) ? 0 : 1;
