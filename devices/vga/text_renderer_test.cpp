#include "devices/vga/vga.h"
