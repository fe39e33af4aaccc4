// The names and dates that the BIOS shows.
#pragma once
#define BIOS_NAME      "Gnomon BIOS"
#define BIOS_VENDOR    "Gnomon"
#define BIOS_VERSION   "1.0"
#define BIOS_DATE      "06/01/25"
#define BIOS_DATE_LONG "06/01/2025"
