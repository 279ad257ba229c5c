/*
 * classic-sector SECTOR A|B KEY [BLOCK DATA]...
 *
 * Opens one sector of the first MIFARE Classic card with one key, through libfreefare. Prints the four blocks in hex,
 * a line each; before that it writes the blocks that are named, in their order. Ends with 2 when the key does not open the sector, with
 * 3 when the card refuses to read or to write, with 1 when there is nothing to talk to.
 */
#include <freefare.h>
#include <nfc/nfc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void from_hex(const char *hex, uint8_t *bytes, size_t size) {
  unsigned int byte;
  for (size_t i = 0; i < size && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++) bytes[i] = (uint8_t)byte;
}

static int talk(MifareTag card, MifareClassicSectorNumber sector, char **arguments, int count) {
  MifareClassicKey key = {0};
  from_hex(arguments[3], key, sizeof key);
  MifareClassicKeyType slot = arguments[2][0] == 'A' ? MFC_KEY_A : MFC_KEY_B;
  MifareClassicBlockNumber first = mifare_classic_sector_first_block(sector);
  MifareClassicBlockNumber last = mifare_classic_sector_last_block(sector);
  MifareClassicBlock block = {0};

  if (mifare_classic_connect(card) != 0) return 1;
  if (mifare_classic_authenticate(card, last, key, slot) != 0) return 2;
  for (int index = 4; index + 1 < count; index += 2) {
    from_hex(arguments[index + 1], block, sizeof block);
    if (mifare_classic_write(card, (MifareClassicBlockNumber)atoi(arguments[index]), block) != 0) return 3;
  }
  for (int number = first; number <= last; number++) {
    if (mifare_classic_read(card, (MifareClassicBlockNumber)number, &block) != 0) return 3;
    for (size_t i = 0; i < sizeof block; i++) printf("%02x", block[i]);
    printf("\n");
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count < 4) return 1;
  nfc_context *context;
  nfc_init(&context);
  nfc_device *reader = context == NULL ? NULL : nfc_open(context, NULL);
  MifareTag *cards = reader == NULL ? NULL : freefare_get_tags(reader);
  int result = cards == NULL || cards[0] == NULL
                   ? 1
                   : talk(cards[0], (MifareClassicSectorNumber)atoi(arguments[1]), arguments, count);
  if (cards != NULL) freefare_free_tags(cards);
  if (reader != NULL) nfc_close(reader);
  if (context != NULL) nfc_exit(context);
  return result;
}
