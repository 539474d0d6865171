/* Devices by name, their memory, and statuses. What every operation refuses: ops/refusals.c. */
#include <caviar/caviar.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NEED(call) cr_assert_eq((call), CAVIAR_OK, "%s: %s", #call, caviar_last_error())
#define REFUSED(call, words)                                                                                           \
    do {                                                                                                               \
        cr_expect_eq((call), CAVIAR_INVALID_ARGUMENT, "%s", #call);                                                    \
        cr_expect(strstr(caviar_last_error(), words), "%s says: %s", #call, caviar_last_error());                      \
    } while (0)

Test(device, opens_by_name) {
    static const char *const wrong[] = {
        "", "gpu", "cuda:", "cuda:x", "cuda:0x", "cuda:-1", "cpu:0", "CPU", "cuda:99999999999999999999"
    };
    caviar_device *device = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        REFUSED(caviar_device_open(&device, wrong[i], 0), "use auto, cpu or cuda:N");
    REFUSED(caviar_device_open(NULL, "cpu", 0), "device is NULL");
    REFUSED(caviar_device_open(&device, NULL, 0), "name is NULL");
    REFUSED(caviar_device_open(&device, "cpu", -1), "threads is -1");
    REFUSED(caviar_device_open(&device, "cpu", 1025), "threads is 1025");
    cr_expect_eq(caviar_device_open(&device, "cuda:1000", 0), CAVIAR_NO_DEVICE);
    cr_expect(strstr(caviar_last_error(), "cuda:1000"), "%s", caviar_last_error());
    cr_expect_null(device);

    caviar_device_info info, again;
    cr_assert_geq(caviar_device_count(), 1);
    NEED(caviar_device_describe(&info, 0));
    cr_expect_str_eq(info.name, "cpu");
    cr_expect(info.threads >= 1 && info.memory_free > 0 && info.memory_free <= info.memory_total &&
              info.description[0]);
    REFUSED(caviar_device_describe(NULL, 0), "info is NULL");
    REFUSED(caviar_device_describe(&info, -1), "index -1");
    REFUSED(caviar_device_describe(&info, caviar_device_count()), "index");
    NEED(caviar_device_open(&device, "cpu", 3));
    NEED(caviar_device_get_info(&again, device));
    cr_expect(again.threads == 3 && strcmp(again.name, "cpu") == 0);
    REFUSED(caviar_device_get_info(NULL, device), "info is NULL");
    REFUSED(caviar_device_get_info(&info, NULL), "device is NULL");
    caviar_device_close(device);
    NEED(caviar_device_open(&device, "auto", 0)); /* the CPU at least is always there */
    caviar_device_close(device);
    caviar_device_close(NULL);
}

Test(device, memory) {
    caviar_device *device = NULL;
    void *memory = NULL;
    NEED(caviar_device_open(&device, "cpu", 1));
    NEED(caviar_device_allocate(&memory, device, 1001));
    cr_expect_eq((uintptr_t)memory % 256, 0);
    unsigned char sent[1001], fetched[1001];
    NEED(caviar_device_download(device, fetched, memory, sizeof fetched));
    for (size_t i = 0; i < sizeof fetched; i++) cr_assert_eq(fetched[i], 0, "byte %zu", i);
    for (size_t i = 0; i < sizeof sent; i++) sent[i] = (unsigned char)(i * 7);
    NEED(caviar_device_upload(device, memory, sent, sizeof sent));
    NEED(caviar_device_wait(device));
    NEED(caviar_device_download(device, fetched, memory, sizeof fetched));
    cr_expect_eq(memcmp(sent, fetched, sizeof sent), 0);
    NEED(caviar_device_upload(device, NULL, NULL, 0));
    void *none = NULL;
    cr_expect_eq(caviar_device_allocate(&none, device, (size_t)1 << 60), CAVIAR_OUT_OF_DEVICE_MEMORY);
    cr_expect_null(none);
    REFUSED(caviar_device_allocate(&none, device, 0), "bytes is 0");
    REFUSED(caviar_device_allocate(NULL, device, 1), "memory is NULL");
    REFUSED(caviar_device_allocate(&none, NULL, 1), "device is NULL");
    REFUSED(caviar_device_upload(NULL, memory, sent, 1), "device is NULL");
    REFUSED(caviar_device_upload(device, NULL, sent, 1), "to is NULL");
    REFUSED(caviar_device_upload(device, memory, NULL, 1), "from is NULL");
    REFUSED(caviar_device_download(NULL, sent, memory, 1), "device is NULL");
    REFUSED(caviar_device_download(device, NULL, memory, 1), "to is NULL");
    REFUSED(caviar_device_wait(NULL), "device is NULL");
    caviar_device_free(device, memory);
    caviar_device_free(device, NULL);
    caviar_device_free(NULL, NULL);
    caviar_device_close(device);
}

Test(device, statuses_have_texts) {
    cr_expect_eq(CAVIAR_OK, 0);
#define HAS_TEXT(name, number, text) cr_expect_str_eq(caviar_status_text(CAVIAR_##name), text);
    CAVIAR_FOR_EACH_STATUS(HAS_TEXT)
    cr_expect_str_eq(caviar_status_text((caviar_status)-5), "unknown status");
    cr_expect(strlen(caviar_version()) >= 5);
}
