; A boot floppy that draws in every BIOS mode, in VBE modes through the window and the linear framebuffer, and in
; tweaked modes. After each picture it writes the number of the picture to the exit port F4h; video_test.cpp
; knows what must be on the screen then.
%include "boot_sector.inc"
%include "big_segments.inc"

PROGRAM_SECTORS equ 16

start:
    BOOT_START
    sti
    cld
    LOAD_PROGRAM PROGRAM_SECTORS, main
    jnc main
    hlt
    jmp $
    BOOT_SIGNATURE

; picture NUMBER
%macro picture 1
    mov eax, %1
    call show
%endmacro

main:
    ; Text modes: cell n has character n and an attribute from the row of eight below.
    mov si, text_modes
.text:
    lodsb
    cmp al, 0xff
    je .graphics
    push si
    mov bl, al
    xor ah, ah
    int 0x10
    mov ah, 1
    mov cx, 0x2000              ; no cursor
    int 0x10
    mov ax, 0xb800
    cmp bl, 7
    jne .color
    mov ax, 0xb000
.color:
    mov es, ax
    xor di, di
    xor cx, cx
.cell:
    mov si, cx
    and si, 7
    mov ah, [attributes + si]
    cmp bl, 7
    jne .put
    mov ah, [mono_attributes + si]
.put:
    mov al, cl
    stosw
    inc cx
    cmp cx, 80 * 25
    jb .cell
    movzx eax, bl
    call show
    pop si
    jmp .text

    ; Graphics modes: by INT 10h AH=0C a pixel at every seventh column of every fifth row, colors in turn.
.graphics:
    mov si, graphics_modes
.next_graphics:
    lodsb
    cmp al, 0xff
    je vbe
    mov [mode], al
    xor ah, ah
    int 0x10
    lodsw
    mov [width], ax
    lodsw
    mov [height], ax
    lodsb
    mov [colors], al
    mov byte [color], 0
    xor dx, dx
.row:
    xor cx, cx
.pixel:
    inc byte [color]
    mov al, [color]
    and al, [colors]
    mov ah, 0x0c
    xor bh, bh
    int 0x10
    add cx, 7
    cmp cx, [width]
    jb .pixel
    add dx, 5
    cmp dx, [height]
    jb .row
    movzx eax, byte [mode]
    call show
    jmp .next_graphics

    ; VBE through the window: every byte of the memory shown is window_byte of its offset.
vbe:
    mov si, window_modes
.next_window:
    lodsw
    cmp ax, 0xffff
    je .wide
    mov bx, ax
    call set_vbe
    call test_palette
    lodsw
    call fill_banks
    lodsw
    movzx eax, ax
    call show
    jmp .next_window

    ; A virtual screen of 800 pixels a line, shown from column 32, line 10.
.wide:
    mov bx, 0x101
    call set_vbe
    call test_palette
    mov ax, 0x4f06
    xor bl, bl
    mov cx, 800
    int 0x10
    cmp bx, 800
    jne failed
    mov ax, 7
    call fill_banks
    mov ax, 0x4f07
    xor bx, bx
    mov cx, 32
    mov dx, 10
    int 0x10
    cmp ax, 0x4f
    jne failed
    picture 0x60

    ; Sixteen colors in planes, two banks.
    mov bx, 0x104
    call set_vbe
    xor dx, dx
.planar_bank:
    mov ax, 0x4f05
    xor bx, bx
    int 0x10
    mov ax, 0xa000
    mov es, ax
    mov bl, 1
.plane:
    push dx
    mov dx, 0x3c4
    mov al, 2
    mov ah, bl
    out dx, ax
    pop dx
    xor di, di
.planar_byte:
    call window_byte
    add al, bl
    stosb
    test di, di
    jnz .planar_byte
    shl bl, 1
    cmp bl, 16
    jb .plane
    inc dx
    cmp dx, 2
    jb .planar_bank
    picture 0x61

    ; The linear framebuffer, reached with segments of 4 GB.
    call open_segments
    mov bx, 0x4144
    call set_vbe
    mov ecx, 1024 * 768
    call framebuffer
    xor eax, eax
.linear:
    mov [fs:edi], eax
    add edi, 4
    add eax, 0x010305
    dec ecx
    jnz .linear
    picture 0x62
    mov bx, 0x4117
    call set_vbe
    mov ecx, 1024 * 768
    call framebuffer
    xor eax, eax
.linear_16:
    mov [fs:edi], ax
    add edi, 2
    add ax, 7
    dec ecx
    jnz .linear_16
    picture 0x63
    ; The same memory read through the window.
    mov bx, 0x8111              ; keep what is there
    call set_vbe
    mov ax, 0xa000
    mov es, ax
    cmp word [es:2], 7
    jne failed

    ; Mode X: 320x240, four planes of 256 colors; the second page is shown.
    mov ax, 0x13
    int 0x10
    call test_palette
    call unchain
    mov si, mode_x
    call tweak
    mov bl, 1
    mov bh, 0
.x_plane:
    mov dx, 0x3c4
    mov al, 2
    mov ah, bl
    out dx, ax
    mov ax, 0xa000
    mov es, ax
    xor di, di
.x_byte:
    mov ax, di
    add al, ah
    add al, bh
    stosb
    cmp di, 2 * 80 * 240
    jb .x_byte
    add bh, 64
    shl bl, 1
    cmp bl, 16
    jb .x_plane
    call retrace
    mov dx, 0x3d4
    mov ax, 0x000d | (80 * 240 & 0xff) << 8
    out dx, ax
    mov ax, 0x000c | (80 * 240 & 0xff00)
    out dx, ax
    picture 0x64

    ; The same with its lower part split off at line 300: address 0, while the upper part moves by 3 pixels.
    mov dx, 0x3d4
    mov ax, 0x0018 | ((300 & 0xff) << 8)
    out dx, ax
    mov al, 7
    out dx, al
    inc dx
    in al, dx
    or al, 0x10                 ; line compare bit 8 is set: 300 = 12Ch
    out dx, al
    dec dx
    mov al, 9
    out dx, al
    inc dx
    in al, dx
    and al, 0xbf
    out dx, al
    mov dx, 0x3da
    in al, dx
    mov dx, 0x3c0
    mov al, 0x30
    out dx, al
    mov al, 0x61                ; 256 colors, the lower part does not pan
    out dx, al
    mov al, 0x33
    out dx, al
    mov al, 6
    out dx, al
    picture 0x65

    ; 512 characters: the second font is the first turned upside down.
    mov ax, 3
    int 0x10
    mov ah, 1
    mov cx, 0x2000
    int 0x10
    mov ax, 0x1130
    mov bh, 6                   ; the ROM's 8x16 font
    int 0x10
    push es
    pop fs
    mov si, bp
    xor ax, ax
    mov es, ax
    mov di, font
    mov cx, 256
.glyph:
    mov bx, 15
.line:
    mov al, [fs:si + bx]
    stosb
    dec bx
    jns .line
    add si, 16
    loop .glyph
    mov ax, 0x1100
    mov bx, 0x1001              ; 16 bytes a character, block 1
    mov cx, 256
    xor dx, dx
    mov bp, font
    int 0x10
    mov ax, 0x1103
    mov bl, 0x04                ; attribute bit 3: block 1
    int 0x10
    mov ax, 0xb800
    mov es, ax
    xor di, di
    xor cx, cx
.two_fonts:
    mov al, cl
    mov ah, 0x07
    test cl, 1
    jz .first_font
    mov ah, 0x0a
.first_font:
    stosw
    inc cx
    cmp cx, 80 * 25
    jb .two_fonts
    picture 0x66
failed:
    picture 0x7f
    cli
    hlt

%include "video_routines.inc"

text_modes: db 0, 1, 2, 3, 7, 0xff
attributes: db 0x07, 0x1e, 0x2f, 0x34, 0x4b, 0x50, 0x69, 0x78
mono_attributes: db 0x07, 0x0f, 0x70, 0x07, 0x0f, 0x70, 0x07, 0x0f

%macro graphics 4
    db %1
    dw %2, %3
    db %4
%endmacro
graphics_modes:
    graphics 0x04, 320, 200, 3
    graphics 0x05, 320, 200, 3
    graphics 0x06, 640, 200, 1
    graphics 0x0d, 320, 200, 15
    graphics 0x0e, 640, 200, 15
    graphics 0x0f, 640, 350, 1
    graphics 0x10, 640, 350, 15
    graphics 0x11, 640, 480, 1
    graphics 0x12, 640, 480, 15
    graphics 0x13, 320, 200, 15
    db 0xff
; mode, banks, number of the picture
window_modes:
    dw 0x100, 4, 0x40
    dw 0x103, 8, 0x41
    dw 0x110, 10, 0x42
    dw 0x111, 10, 0x43
    dw 0x112, 15, 0x44
    dw 0x142, 19, 0x45
    dw 0xffff
mode_x:
    db 0x06, 0x0d, 0x07, 0x3e, 0x09, 0x41, 0x10, 0xea, 0x12, 0xdf, 0x14, 0x00
    db 0x15, 0xe7, 0x16, 0x06, 0x17, 0xe3, 0x11, 0xac, 0xff, 0xff

    times (PROGRAM_SECTORS + 1) * 512 - ($ - $$) db 0

section .bss
mode: resb 1
width: resw 1
height: resw 1
colors: resb 1
color: resb 1
font: resb 4096
