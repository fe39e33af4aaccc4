// INT 10h by function number (PS/2 and PC BIOS Interface Technical Reference, "Interrupt 10h – Video").
#include "video.h"

void dispatch(struct Frame* frame);

static void get_cursor(struct Frame* frame) {
    frame->cx = LOW16(BDA_CURSOR_SHAPE);
    frame->dx = LOW16(BDA_CURSOR_POSITION + 2 * (frame->bh & 7));
}

void dispatch(struct Frame* frame) {
    switch (frame->ah) {
        case 0x00: {
            u8 number = frame->al & 0x7F;
            set_mode(frame->al);
            frame->al = number == 6 ? 0x3F : number > 7 ? 0x20 : 0x30;
            break;
        }
        case 0x01: set_cursor_shape(frame->ch, frame->cl); break;
        case 0x02: set_cursor_position(frame->bh, frame->dx); break;
        case 0x03: get_cursor(frame); break;
        case 0x04: frame->ah = 0; break;  // no light pen
        case 0x05: select_page(frame->al); break;
        case 0x06:
        case 0x07: scroll(frame->ah == 7, frame->al, frame->bh, frame->cx, frame->dx); break;
        case 0x08: read_character(frame); break;
        case 0x09: write_character(frame->al, frame->bl, 1, frame->bh, frame->cx); break;
        case 0x0A: write_character(frame->al, frame->bl, 0, frame->bh, frame->cx); break;
        case 0x0B: cga_palette(frame); break;
        case 0x0C: write_pixel(frame->al, frame->bh, frame->cx, frame->dx); break;
        case 0x0D: frame->al = read_pixel(frame->bh, frame->cx, frame->dx); break;
        case 0x0E: teletype(frame->al, frame->bl, 0, LOW8(BDA_PAGE)); break;
        case 0x0F:
            frame->al = (u8)((LOW8(BDA_MODE) & 0x7F) | (LOW8(BDA_VIDEO_CONTROL) & CONTROL_NO_CLEAR));
            frame->ah = (u8)LOW16(BDA_COLUMNS);
            frame->bh = LOW8(BDA_PAGE);
            break;
        case 0x10: palette_functions(frame); break;
        case 0x11: font_functions(frame); break;
        case 0x12: alternate_select(frame); break;
        case 0x13: write_string(frame); break;
        case 0x1A: display_combination(frame); break;
        case 0x1B: functionality(frame); break;
        case 0x1C: save_restore(frame); break;
        case 0x4F: vbe_functions(frame); break;
        default: break;
    }
}
