#include <ares.h>
#include <ares_dns.h>
