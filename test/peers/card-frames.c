/*
 * card-frames FRAME...
 *
 * Selects the first ISO/IEC 14443 type A card through libnfc and sends it the frames, given in hex without checksum.
 * Prints an answer a line, in hex; `-` where the card said nothing or no, after which it hears nothing more.
 */
#include <nfc/nfc.h>
#include <stdio.h>
#include <string.h>

#define FRAME_MAX 64
#define ANSWER_MS 500

static size_t from_hex(const char *hex, uint8_t *bytes) {
  size_t size = 0;
  unsigned int byte;
  while (size < FRAME_MAX && sscanf(hex + 2 * size, "%2x", &byte) == 1) bytes[size++] = (uint8_t)byte;
  return size;
}

static int talk(nfc_device *reader, char **frames, int count) {
  const nfc_modulation type_a = {.nmt = NMT_ISO14443A, .nbr = NBR_106};
  nfc_target card;
  if (nfc_initiator_init(reader) < 0) return 1;
  if (nfc_initiator_select_passive_target(reader, type_a, NULL, 0, &card) <= 0) return 1;
  /* Frames reach the card as they are: the chip itself does not know PWD_AUTH. */
  if (nfc_device_set_property_bool(reader, NP_EASY_FRAMING, false) < 0) return 1;
  for (int index = 0; index < count; index++) {
    uint8_t frame[FRAME_MAX], answer[FRAME_MAX];
    size_t size = from_hex(frames[index], frame);
    int got = nfc_initiator_transceive_bytes(reader, frame, size, answer, sizeof answer, ANSWER_MS);
    for (int i = 0; i < got; i++) printf("%02x", answer[i]);
    printf(got < 0 ? "-\n" : "\n");
  }
  return 0;
}

int main(int count, char **arguments) {
  nfc_context *context;
  nfc_init(&context);
  if (context == NULL) return 1;
  nfc_device *reader = nfc_open(context, NULL);
  int result = reader == NULL ? 1 : talk(reader, arguments + 1, count - 1);
  if (reader != NULL) nfc_close(reader);
  nfc_exit(context);
  return result;
}
