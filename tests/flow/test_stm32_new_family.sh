#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A new product is a file: a family that nobody knew, with another chip, other sectors, another place for its key and a USB
# identity of its own, is written here, and a batch of it is made. No C, no build.
. "$(dirname "$0")/lib.sh"
head -c 30000 /dev/urandom >body
{ printf '\x00\x20\x00\x20\x09\x01\x00\x08'; cat body; } >program.bin
openssl ecparam -name prime256v1 -genkey -noout -out cloud.pem 2>/dev/null
openssl pkey -in cloud.pem -pubout -out cloud.pub.pem
mkdir families
cat >families/thermometer.cfg <<-'END'
	family : {
		name = "thermometer"; title = "Thermometer, STM32L4 with 256 KiB";
		usb : {
			dfu : { vendor_id = 0x0483; product_id = 0xdf11; };
			cdc : { vendor_id = 0x1209; product_id = 0x7e57; };
			transfer_size_max = 2048; transfer_timeout_ms = 5000;
		};
		identity : { serial_is_id = true; };
		alts = ( { alt = 0; layout = "@Internal Flash  /0x08000000/0128*0002Kg"; memory = "nor";
			erase_timeout_ms = 2000; write_timeout_ms = 2000; } );
		regions = (
			{ name = "user"; alt = 0; address = 0x08000000; size = 0x3e000; },
			{ name = "keys"; alt = 0; address = 0x0803e000; size = 0x2000; writable = false; remedy = "use device_key"; }
		);
		key_slots = (
			{ name = "device-ec"; role = "device"; alt = 0; address = 0x0803f800; size = 2048; algorithm = "p-256"; padding = 0; },
			{ name = "server-ec"; role = "server"; alt = 0; address = 0x0803f000; size = 128; algorithm = "p-256";
			  read_modify_write = true; }
		);
		leave : { alt = 0; address = 0x08000000; };
		reentry : { boot_timeout_ms = 10000; dfu_timeout_ms = 10000; };
	};
END
cat >thermometer.cfg <<-'END'
	job : {
		name = "thermometer"; family = "thermometer";
		images = ( { region = "user"; file = "program.bin"; } );
		device_key : { slot = "device-ec"; };
		server_key : { slot = "server-ec"; file = "cloud.pub.pem"; };
		enrol : { cloud = "main"; };
		after = "runs";
	};
END
expect 0 "$STATION" rehearse thermometer.cfg --units 4 --state rehearsal
sound
equal PASS 4 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
for slot in A1 A2 A3 A4; do
	flash=rehearsal/units/$slot/alt0.bin
	equal "$slot: flash" $((256 * 1024)) "$(stat -c %s "$flash")"
	image_at "$flash" 0 program.bin
	agree "$slot" alt0.bin $((0x3f800))
	equal "$slot: padding" 0 "$(bytes "$flash" $((0x3f800 + 121)) $((2048 - 121)) | tr -d '\0' | wc -c)"
	cmp <(bytes "$flash" $((0x3f000)) 91) <(openssl pkey -pubin -in cloud.pub.pem -outform DER) || fail "$slot: server key"
	erased "$flash" $((30008)) $((0x3f000 - 30008))
done

# A program that does not start is no PASS: its first words are no stack and no code.
head -c 30008 /dev/zero >program.bin
expect 1 "$STATION" rehearse thermometer.cfg --units 1 --state dead
equal "a program that does not run" "FAIL no-sign-of-life" "$(sqlite3 -readonly dead/station.db "SELECT outcome || ' ' || reason FROM attempt")"

# What has no virtual unit is told.
sed -i 's/0xdf11/0xdf12/' families/thermometer.cfg
expect 2 "$STATION" rehearse thermometer.cfg --units 1 --state none
grep -q 'there is no virtual unit of the family thermometer' err || fail "$(cat err)"
