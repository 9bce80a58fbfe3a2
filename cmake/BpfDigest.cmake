# SPDX-License-Identifier: Apache-2.0
# cmake -DOBJECT=FILE -DHEADER=FILE -P BpfDigest.cmake: a header that names the object's programs by their digest.
file(SHA256 ${OBJECT} digest)
string(SUBSTRING ${digest} 0 12 digest)
file(WRITE ${HEADER} "#define UBC_PROGRAMS_ID \"${digest}\"\n")
