/*
 * sector-reads SECTOR TIMES
 *
 * Through libfreefare: select the MIFARE Classic card, open one sector with the transport key, read its four blocks,
 * let the card go; so many times. Prints the milliseconds that all of it took, without opening the device.
 */
#include <freefare.h>
#include <nfc/nfc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int read_sector(MifareTag card, MifareClassicSectorNumber sector) {
  static const MifareClassicKey transport = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  MifareClassicBlockNumber first = mifare_classic_sector_first_block(sector);
  MifareClassicBlockNumber last = mifare_classic_sector_last_block(sector);
  MifareClassicBlock block;
  if (mifare_classic_connect(card) != 0) return 1;
  if (mifare_classic_authenticate(card, first, transport, MFC_KEY_A) != 0) return 1;
  for (int number = first; number <= last; number++)
    if (mifare_classic_read(card, (MifareClassicBlockNumber)number, &block) != 0) return 1;
  return mifare_classic_disconnect(card) != 0;
}

static int measure(MifareTag card, MifareClassicSectorNumber sector, int times) {
  double begun = now_ms();
  for (int round = 0; round < times; round++)
    if (read_sector(card, sector) != 0) return 1;
  printf("%.3f\n", now_ms() - begun);
  return 0;
}

int main(int count, char **arguments) {
  if (count != 3) return 1;
  nfc_context *context;
  nfc_init(&context);
  nfc_device *reader = context == NULL ? NULL : nfc_open(context, NULL);
  MifareTag *cards = reader == NULL ? NULL : freefare_get_tags(reader);
  int result = cards == NULL || cards[0] == NULL
                   ? 1
                   : measure(cards[0], (MifareClassicSectorNumber)atoi(arguments[1]), atoi(arguments[2]));
  if (cards != NULL) freefare_free_tags(cards);
  if (reader != NULL) nfc_close(reader);
  if (context != NULL) nfc_exit(context);
  return result;
}
