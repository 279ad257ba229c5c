/*
 * desfire-card STEP...
 *
 * Talks to the first MIFARE DESFire card through libfreefare, a step after the other:
 *   select AID | des NUMBER KEY | aes NUMBER KEY | create AID SETTINGS KEYS | change NUMBER CIPHER NEW VERSION OLD
 *   settings BYTE | backup FILE RIGHTS SIZE | write FILE DATA | commit | read FILE SIZE | rights FILE | ids
 * Numbers and data are hex. Prints what was read, a line each. A step that the card refuses is the last one: `refused`
 * and the card's status are printed, and the program ends with 2; with 1 when there is nothing to talk to.
 */
#include <freefare.h>
#include <nfc/nfc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX 256

static char **word;

static unsigned long number(void) { return strtoul(*word++, NULL, 16); }

static size_t bytes(uint8_t *out) {
  const char *hex = *word++;
  size_t size = 0;
  unsigned int byte;
  while (size < DATA_MAX && sscanf(hex + 2 * size, "%2x", &byte) == 1) out[size++] = (uint8_t)byte;
  return size;
}

static MifareDESFireKey key(bool is_aes) {
  uint8_t value[DATA_MAX] = {0};
  bytes(value);
  return is_aes ? mifare_desfire_aes_key_new(value) : mifare_desfire_des_key_new(value);
}

static int change(MifareTag card) {
  uint8_t which = (uint8_t)number(), value[DATA_MAX] = {0};
  bool is_aes = strcmp(*word++, "aes") == 0;
  bytes(value);
  uint8_t version = (uint8_t)number();
  MifareDESFireKey to = is_aes ? mifare_desfire_aes_key_new_with_version(value, version)
                               : mifare_desfire_des_key_new(value);
  return mifare_desfire_change_key(card, which, to, key(is_aes));
}

static int show_ids(MifareTag card) {
  MifareDESFireAID *ids = NULL;
  size_t count = 0;
  int result = mifare_desfire_get_application_ids(card, &ids, &count);
  for (size_t i = 0; result == 0 && i < count; i++) printf("%06x\n", mifare_desfire_aid_get_aid(ids[i]));
  return result;
}

static int show_file(MifareTag card) {
  uint8_t file = (uint8_t)number();
  size_t size = number();
  /* libfreefare leaves checksum and padding behind what it was asked for. */
  uint8_t data[2 * DATA_MAX] = {0};
  ssize_t got = mifare_desfire_read_data(card, file, 0, size, data);
  for (ssize_t i = 0; i < got; i++) printf("%02x", data[i]);
  if (got >= 0) printf("\n");
  return got < 0 ? -1 : 0;
}

static int show_rights(MifareTag card) {
  struct mifare_desfire_file_settings found;
  int result = mifare_desfire_get_file_settings(card, (uint8_t)number(), &found);
  if (result == 0)
    printf("type %u communication %u rights %04x size %u\n", found.file_type, found.communication_settings,
           found.access_rights, found.settings.standard_file.file_size);
  return result;
}

static int step(MifareTag card) {
  const char *what = *word++;
  uint8_t data[DATA_MAX];
  if (strcmp(what, "select") == 0)
    return mifare_desfire_select_application(card, mifare_desfire_aid_new((uint32_t)number()));
  if (strcmp(what, "des") == 0 || strcmp(what, "aes") == 0) {
    uint8_t which = (uint8_t)number();
    bool is_aes = strcmp(what, "aes") == 0;
    return is_aes ? mifare_desfire_authenticate_aes(card, which, key(true))
                  : mifare_desfire_authenticate(card, which, key(false));
  }
  if (strcmp(what, "create") == 0) {
    MifareDESFireAID id = mifare_desfire_aid_new((uint32_t)number());
    uint8_t settings = (uint8_t)number();
    return mifare_desfire_create_application_aes(card, id, settings, (uint8_t)number());
  }
  if (strcmp(what, "change") == 0) return change(card);
  if (strcmp(what, "settings") == 0) return mifare_desfire_change_key_settings(card, (uint8_t)number());
  if (strcmp(what, "backup") == 0) {
    uint8_t file = (uint8_t)number();
    uint16_t rights = (uint16_t)number();
    return mifare_desfire_create_backup_data_file(card, file, MDCM_ENCIPHERED, rights, (uint32_t)number());
  }
  if (strcmp(what, "write") == 0) {
    uint8_t file = (uint8_t)number();
    size_t size = bytes(data);
    return mifare_desfire_write_data(card, file, 0, size, data) < 0 ? -1 : 0;
  }
  if (strcmp(what, "commit") == 0) return mifare_desfire_commit_transaction(card);
  if (strcmp(what, "read") == 0) return show_file(card);
  if (strcmp(what, "rights") == 0) return show_rights(card);
  if (strcmp(what, "ids") == 0) return show_ids(card);
  return -1;
}

static int talk(MifareTag card, char **end) {
  if (mifare_desfire_connect(card) != 0) return 1;
  while (word < end) {
    if (step(card) == 0) continue;
    printf("refused %02x\n", mifare_desfire_last_picc_error(card));
    return 2;
  }
  return 0;
}

int main(int count, char **arguments) {
  nfc_context *context;
  word = arguments + 1;
  nfc_init(&context);
  nfc_device *reader = context == NULL ? NULL : nfc_open(context, NULL);
  MifareTag *cards = reader == NULL ? NULL : freefare_get_tags(reader);
  int result = cards == NULL || cards[0] == NULL ? 1 : talk(cards[0], arguments + count);
  if (cards != NULL) freefare_free_tags(cards);
  if (reader != NULL) nfc_close(reader);
  if (context != NULL) nfc_exit(context);
  return result;
}
