// The code page 437 table, in rows of sixteen.
#include "devices/vga/code_page_437.h"

namespace gnomon {

const std::array<char32_t, 256> kCodePage437 = {
    U' ', U'☺', U'☻', U'♥', U'♦', U'♣', U'♠', U'•',  U'◘', U'○', U'◙', U'♂', U'♀',  U'♪', U'♫', U'☼',  //
    U'►', U'◄', U'↕', U'‼', U'¶', U'§', U'▬', U'↨',  U'↑', U'↓', U'→', U'←', U'∟',  U'↔', U'▲', U'▼',  //
    U' ', U'!', U'"', U'#', U'$', U'%', U'&', U'\'', U'(', U')', U'*', U'+', U',',  U'-', U'.', U'/',  //
    U'0', U'1', U'2', U'3', U'4', U'5', U'6', U'7',  U'8', U'9', U':', U';', U'<',  U'=', U'>', U'?',  //
    U'@', U'A', U'B', U'C', U'D', U'E', U'F', U'G',  U'H', U'I', U'J', U'K', U'L',  U'M', U'N', U'O',  //
    U'P', U'Q', U'R', U'S', U'T', U'U', U'V', U'W',  U'X', U'Y', U'Z', U'[', U'\\', U']', U'^', U'_',  //
    U'`', U'a', U'b', U'c', U'd', U'e', U'f', U'g',  U'h', U'i', U'j', U'k', U'l',  U'm', U'n', U'o',  //
    U'p', U'q', U'r', U's', U't', U'u', U'v', U'w',  U'x', U'y', U'z', U'{', U'|',  U'}', U'~', U'⌂',  //
    U'Ç', U'ü', U'é', U'â', U'ä', U'à', U'å', U'ç',  U'ê', U'ë', U'è', U'ï', U'î',  U'ì', U'Ä', U'Å',  //
    U'É', U'æ', U'Æ', U'ô', U'ö', U'ò', U'û', U'ù',  U'ÿ', U'Ö', U'Ü', U'¢', U'£',  U'¥', U'₧', U'ƒ',  //
    U'á', U'í', U'ó', U'ú', U'ñ', U'Ñ', U'ª', U'º',  U'¿', U'⌐', U'¬', U'½', U'¼',  U'¡', U'«', U'»',  //
    U'░', U'▒', U'▓', U'│', U'┤', U'╡', U'╢', U'╖',  U'╕', U'╣', U'║', U'╗', U'╝',  U'╜', U'╛', U'┐',  //
    U'└', U'┴', U'┬', U'├', U'─', U'┼', U'╞', U'╟',  U'╚', U'╔', U'╩', U'╦', U'╠',  U'═', U'╬', U'╧',  //
    U'╨', U'╤', U'╥', U'╙', U'╘', U'╒', U'╓', U'╫',  U'╪', U'┘', U'┌', U'█', U'▄',  U'▌', U'▐', U'▀',  //
    U'α', U'ß', U'Γ', U'π', U'Σ', U'σ', U'µ', U'τ',  U'Φ', U'Θ', U'Ω', U'δ', U'∞',  U'φ', U'ε', U'∩',  //
    U'≡', U'±', U'≥', U'≤', U'⌠', U'⌡', U'÷', U'≈',  U'°', U'∙', U'·', U'√', U'ⁿ',  U'²', U'■', U' ',
};

void append_utf8(std::string& out, char32_t code_point) {
    const auto put = [&](u32 byte) { out += static_cast<char>(byte); };
    const u32 c = code_point;
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xc0 | c >> 6);
        put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        put(0xe0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3f));
        put(0x80 | (c & 0x3f));
    } else {
        put(0xf0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3f));
        put(0x80 | (c >> 6 & 0x3f));
        put(0x80 | (c & 0x3f));
    }
}

}  // namespace gnomon
