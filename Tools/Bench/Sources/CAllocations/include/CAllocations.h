// How often this process has asked for heap memory.
#pragma once

// Calls of malloc, calloc, realloc and the aligned ones, of all threads. Approximate where threads meet.
long allocation_count(void);
