// The characters of a text screen as UTF-8.
#include "devices/vga/screen.h"

#include "devices/vga/code_page_437.h"

namespace gnomon {

std::vector<std::string> TextScreen::lines() const {
    if (graphics) return {"(no text: the display is in a graphics mode or blank)"};
    std::vector<std::string> out;
    for (u32 row = 0; row < rows; row++) {
        std::string line;
        for (u32 column = 0; column < columns; column++) {
            const u16 character = at(row, column).character;
            append_utf8(line, character < 256 ? kCodePage437[character] : U'\ufffd');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.push_back(std::move(line));
    }
    return out;
}

}  // namespace gnomon
