// Text output: INT 10h AH=01–03, 06–0A, 0E, 13 (IBM BIOS Interface Technical Reference, "Interrupt 10h").
#include "video.h"

static u16 cell_offset(u8 page, u8 column, u8 row) {
    return (u16)(page * LOW16(BDA_PAGE_SIZE) + (row * LOW16(BDA_COLUMNS) + column) * 2);
}

// Programs written for a CGA give the shape for an 8-line cell; emulation stretches it to the real height.
void set_cursor_shape(u8 first, u8 last) {
    u16 crtc = LOW16(BDA_CRTC_PORT);
    u8 height = LOW8(BDA_CHARACTER_HEIGHT);
    LOW16(BDA_CURSOR_SHAPE) = (u16)(first << 8 | last);
    if (!(LOW8(BDA_VIDEO_CONTROL) & CONTROL_NO_CURSOR_EMULATION) && !(first & 0x20) && height > 8 &&
        first < 8 && last < 8 && first <= last) {
        if (last - first <= 1 && last > 3) {  // an underline: two lines, one above the last of the cell
            u8 bottom = (u8)((last + 1) * height / 8 - 1);
            last = bottom == height - 1 ? bottom - 1 : bottom;
            first = last - 1;
        } else {
            first = (u8)(first * height / 8);
            last = (u8)((last + 1) * height / 8 - 1);
        }
    }
    wait_out(crtc, 0x0A, first);
    wait_out(crtc, 0x0B, last);
}

void place_hardware_cursor(void) {
    u16 crtc = LOW16(BDA_CRTC_PORT);
    u16 position = LOW16(BDA_CURSOR_POSITION + 2 * LOW8(BDA_PAGE));
    u16 address = (u16)(LOW16(BDA_PAGE_START) / 2 + (position >> 8) * LOW16(BDA_COLUMNS) + (position & 0xFF));
    wait_out(crtc, 0x0E, (u8)(address >> 8));
    wait_out(crtc, 0x0F, (u8)address);
}

void set_cursor_position(u8 page, u16 position) {
    page &= 7;
    LOW16(BDA_CURSOR_POSITION + 2 * page) = position;
    if (page == LOW8(BDA_PAGE) && mode_kind(current_mode()) == TEXT) place_hardware_cursor();
}

void scroll(u8 down, u8 lines, u8 attribute, u16 top_left, u16 bottom_right) {
    u8 top = (u8)(top_left >> 8), left = (u8)top_left, bottom = (u8)(bottom_right >> 8),
       right = (u8)bottom_right;
    u8 columns = (u8)LOW16(BDA_COLUMNS);
    if (bottom > LOW8(BDA_LAST_ROW)) bottom = LOW8(BDA_LAST_ROW);
    if (right >= columns) right = columns - 1;
    if (top > bottom || left > right) return;
    u8 rows = bottom - top + 1;
    if (lines == 0 || lines > rows) lines = rows;
    if (mode_kind(current_mode()) != TEXT) {
        scroll_graphics(down, lines, attribute, top, left, bottom, right);
        return;
    }
    u16 segment = text_segment(), width = right - left + 1, page = LOW8(BDA_PAGE);
    u16 blank = (u16)(attribute << 8 | ' ');
    for (u8 i = 0; i < rows; ++i) {
        u8 row = down ? bottom - i : top + i;
        u16 to = cell_offset(page, left, row);
        if (i < rows - lines)
            move_bytes(segment, to, cell_offset(page, left, down ? row - lines : row + lines), width * 2);
        else
            fill_words(segment, to, blank, width);
    }
}

void read_character(struct Frame* frame) {
    u8 page = frame->bh & 7;
    u16 position = LOW16(BDA_CURSOR_POSITION + 2 * page);
    u8 column = (u8)position, row = (u8)(position >> 8);
    if (mode_kind(current_mode()) == TEXT) {
        frame->ax = far16(text_segment(), cell_offset(page, column, row));
    } else {
        frame->al = match_glyph(page, column, row);
        frame->ah = 0;
    }
}

void write_character(u8 character, u8 attribute, u8 with_attribute, u8 page, u16 count) {
    u16 position = LOW16(BDA_CURSOR_POSITION + 2 * (page & 7));
    u8 column = (u8)position, row = (u8)(position >> 8);
    if (mode_kind(current_mode()) != TEXT) {
        u16 columns = LOW16(BDA_COLUMNS);
        for (; count && row <= LOW8(BDA_LAST_ROW); --count) {
            draw_glyph(character, attribute, page, column, row);
            if (++column == columns) {
                column = 0;
                ++row;
            }
        }
        return;
    }
    u16 segment = text_segment(), offset = cell_offset(page & 7, column, row);
    if (with_attribute) {
        fill_words(segment, offset, (u16)(attribute << 8 | character), count);
    } else {
        for (; count; --count, offset += 2) far_store8(segment, offset, character);
    }
}

// A tone of about 900 Hz on timer channel 2 for a tenth of a second, timed by the refresh toggle of port 61h.
// The wait ends early on a machine whose toggle stands still.
static void beep(void) {
    u8 control = in8(0x61);
    out8(0x43, 0xB6);
    out8(0x42, 0x33);
    out8(0x42, 0x05);
    out8(0x61, control | 3);
    u8 last = in8(0x61) & 0x10;
    for (u32 toggles = 0, stuck = 0; toggles < 6600 && stuck < 20000; ++stuck) {
        u8 now = in8(0x61) & 0x10;
        if (now != last) {
            last = now;
            stuck = 0;
            ++toggles;
        }
    }
    out8(0x61, control);
}

void teletype(u8 character, u8 attribute, u8 with_attribute, u8 page) {
    page &= 7;
    u16 position = LOW16(BDA_CURSOR_POSITION + 2 * page), columns = LOW16(BDA_COLUMNS);
    u8 column = (u8)position, row = (u8)(position >> 8), last_row = LOW8(BDA_LAST_ROW);
    switch (character) {
        case 7: beep(); return;
        case 8:
            if (column) --column;
            break;
        case '\n': ++row; break;
        case '\r': column = 0; break;
        default:
            write_character(character, attribute, with_attribute, page, 1);
            if (++column >= columns) {
                column = 0;
                ++row;
            }
    }
    if (row > last_row) {
        row = last_row;
        // The new line takes the attribute of the cell the cursor leaves; graphics modes take background.
        u8 blank = 0;
        if (mode_kind(current_mode()) == TEXT)
            blank = far8(text_segment(), cell_offset(page, column, row) + 1);
        if (page == LOW8(BDA_PAGE)) scroll(0, 1, blank, 0, (u16)(last_row << 8 | (columns - 1)));
    }
    set_cursor_position(page, (u16)(row << 8 | column));
}

// AH=13h: AL bit 0 moves the cursor, bit 1: each character is followed by its attribute.
void write_string(struct Frame* frame) {
    u8 page = frame->bh & 7;
    u16 saved = LOW16(BDA_CURSOR_POSITION + 2 * page), at = frame->bp;
    if (frame->al > 3) return;
    set_cursor_position(page, frame->dx);
    for (u16 left = frame->cx; left; --left) {
        u8 character = far8(frame->es, at++), attribute = frame->bl;
        if (frame->al & 2) attribute = far8(frame->es, at++);
        teletype(character, attribute, 1, page);
    }
    if (!(frame->al & 1)) set_cursor_position(page, saved);
}
